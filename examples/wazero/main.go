// MDN's WebAssembly.Memory example in wazero, on memories of libwasm_memory.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"unsafe"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	wasmmemory "libwasm_memory/bindings/go"
	"libwasm_memory/bindings/go/wazeromem"
)

//go:embed accumulate.wasm
var binary []byte

const page = 65536

func main() {
	for _, engine := range []struct {
		name   string
		config wazero.RuntimeConfig
	}{
		{"compiler", wazero.NewRuntimeConfigCompiler()},
		{"interpreter", wazero.NewRuntimeConfigInterpreter()},
	} {
		fmt.Println(engine.name)
		if err := run(engine.config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func run(config wazero.RuntimeConfig) error {
	// wazero compares every access with the length, so growth need not change page protection.
	ours, err := wasmmemory.NewAllocator(wasmmemory.WithBounds(wasmmemory.BoundsChecked))
	if err != nil {
		return err
	}
	defer ours.Close()
	memories := wazeromem.Allocator(ours)
	ctx := experimental.WithMemoryAllocator(context.Background(), memories)

	runtime := wazero.NewRuntimeWithConfig(ctx, config)
	module, err := runtime.Instantiate(ctx, binary)
	if err != nil {
		return err
	}
	demo := demo{ctx: ctx, module: module, memory: module.ExportedMemory("memory"), ours: ours}
	demo.run()

	if err := runtime.Close(ctx); err != nil {
		return err
	}
	demo.check("closing the runtime frees the memory", memories.Live() == 0 && memories.Release() == 1)
	demo.check("the library has none left", ours.Stats().Memories == 0)
	if demo.failed {
		return fmt.Errorf("a check failed")
	}
	return nil
}

type demo struct {
	ctx    context.Context
	module api.Module
	memory api.Memory
	ours   *wasmmemory.Allocator
	failed bool
}

func (d *demo) run() {
	stats := d.ours.Stats()
	d.check("wazero has taken one memory of 10 pages", stats.Memories == 1 && stats.AccessibleBytes == 10*page)
	base := d.address(0)
	location, found := wasmmemory.Find(base)
	d.check("its byte 0 is byte 0 of that memory", found && location.Offset == 0)

	for i := range uint32(10) {
		d.memory.WriteUint32Le(4*i, i)
	}
	d.check("accumulate(0, 10) is 45", d.call("accumulate", 0, 10) == 45)
	_, _ = d.module.ExportedFunction("store").Call(d.ctx, 10*page-4, 0x01020304)
	stored := (*uint32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(d.bytes(0))), 10*page-4))
	d.check("a store of the module is in that memory", *stored == 0x01020304)

	d.check("memory.grow(5) is 10", d.call("grow", 5) == 10)
	previous, ok := d.memory.Grow(5)
	d.check("the host's growth by 5 is 15", ok && previous == 15)
	d.check("memory.grow(81) is -1", d.call("grow", 81) == 0xffffffff)
	d.check("memory.grow(80) reaches the maximum", d.call("grow", 80) == 20)
	stats = d.ours.Stats()
	d.check("the library grew 3 times to 100 pages", stats.Growths >= 3 && stats.AccessibleBytes == 100*page)
	d.check("and never moved", d.address(0) == base && stats.Moves == 0)
	location, found = wasmmemory.Find(d.address(100*page - 1))
	d.check("its last byte is the last of that memory", found && location.Offset == 100*page-1)

	for _, index := range []uint64{100*page - 3, 100 * page, 0x7fffffff, 0xffffffff} {
		d.check(fmt.Sprintf("load(%#x) traps", index), d.traps("load", index))
	}
	d.check("load offset=0xffffffff (0xffffffff) traps", d.traps("load_far", 0xffffffff))
	d.check("memory.fill across the end traps", d.traps("fill", 100*page-2, 7, 4))
	last, _ := d.memory.ReadByte(100*page - 1)
	d.check("and wrote nothing", last == 0)
}

func (d *demo) check(what string, good bool) {
	mark := "ok    "
	if !good {
		mark, d.failed = "FAILED", true
	}
	fmt.Printf("  %s %s\n", mark, what)
}

func (d *demo) bytes(offset uint32) []byte {
	bytes, _ := d.memory.Read(offset, 1)
	return bytes
}

func (d *demo) address(offset uint32) uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(d.bytes(offset))))
}

func (d *demo) call(name string, arguments ...uint64) uint32 {
	results, err := d.module.ExportedFunction(name).Call(d.ctx, arguments...)
	if err != nil || len(results) != 1 {
		d.check(fmt.Sprintf("%s: %v", name, err), false)
		return 0
	}
	return api.DecodeU32(results[0])
}

func (d *demo) traps(name string, arguments ...uint64) bool {
	_, err := d.module.ExportedFunction(name).Call(d.ctx, arguments...)
	return err != nil
}
