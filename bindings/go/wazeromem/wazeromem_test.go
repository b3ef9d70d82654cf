package wazeromem

import (
	"context"
	_ "embed"
	"errors"
	"testing"
	"time"
	"unsafe"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	wasmmemory "libwasm_memory/bindings/go"
)

// From the .wat files beside them, by wat2wasm.
var (
	//go:embed testdata/owner.wasm
	ownerModule []byte
	//go:embed testdata/user.wasm
	userModule []byte
	//go:embed testdata/shared.wasm
	sharedModule []byte
)

var engines = map[string]func() wazero.RuntimeConfig{
	"compiler":    wazero.NewRuntimeConfigCompiler,
	"interpreter": wazero.NewRuntimeConfigInterpreter,
}

func each(t *testing.T, f func(*testing.T, context.Context, wazero.Runtime, *MemoryAllocator)) {
	for name, config := range engines {
		t.Run(name, func(t *testing.T) {
			allocator := Allocator(nil)
			ctx := experimental.WithMemoryAllocator(context.Background(), allocator)
			features := api.CoreFeaturesV2 | experimental.CoreFeaturesThreads
			runtime := wazero.NewRuntimeWithConfig(ctx, config().WithCoreFeatures(features))
			f(t, ctx, runtime, allocator)
			if err := runtime.Close(ctx); err != nil {
				t.Fatal(err)
			}
			if allocator.Live() != 0 || allocator.Release() == 0 || allocator.Release() != 0 {
				t.Fatal("wazero did not free what it took from here")
			}
		})
	}
}

func instantiate(t *testing.T, ctx context.Context, r wazero.Runtime, binary []byte, name string) api.Module {
	t.Helper()
	compiled, err := r.CompileModule(ctx, binary)
	if err != nil {
		t.Fatal(err)
	}
	module, err := r.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName(name))
	if err != nil {
		t.Fatal(err)
	}
	return module
}

func call(t *testing.T, ctx context.Context, m api.Module, name string, arguments ...uint64) uint32 {
	t.Helper()
	results, err := m.ExportedFunction(name).Call(ctx, arguments...)
	if err != nil || len(results) != 1 {
		t.Fatal(name, err)
	}
	return api.DecodeU32(results[0])
}

// ours tells that wazero's bytes are a memory of the library.
func ours(t *testing.T, memory api.Memory) wasmmemory.Location {
	t.Helper()
	bytes, ok := memory.Read(0, 1)
	if !ok {
		t.Fatal("an empty memory")
	}
	location, ok := wasmmemory.Find(uintptr(unsafe.Pointer(unsafe.SliceData(bytes))))
	if !ok || location.Offset != 0 || location.Zone != wasmmemory.ZoneBody {
		t.Fatal("wazero made a memory of its own")
	}
	return location
}

func TestGrowthFromBothSides(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, r wazero.Runtime, a *MemoryAllocator) {
		owner := instantiate(t, ctx, r, ownerModule, "owner")
		user := instantiate(t, ctx, r, userModule, "user")
		memory := owner.ExportedMemory("memory")
		ours(t, memory)
		for i := range uint32(10) {
			memory.WriteUint32Le(4*i, i)
		}
		if sum := call(t, ctx, user, "accumulate", 0, 10); sum != 45 {
			t.Fatal(sum)
		}
		before, _ := memory.Read(0, 1)
		if old := call(t, ctx, user, "grow", 5); old != 10 || memory.Size() != 15*pageSize {
			t.Fatal(old)
		}
		if old, ok := memory.Grow(85); old != 15 || !ok {
			t.Fatal(old, ok)
		}
		if old := call(t, ctx, user, "grow", 1); old != 0xffffffff {
			t.Fatal(old)
		}
		after, _ := memory.Read(0, 1)
		if unsafe.SliceData(before) != unsafe.SliceData(after) {
			t.Fatal("it moved")
		}
		if v := call(t, ctx, user, "load", 100*pageSize-4); v != 0 {
			t.Fatal(v)
		}
		for _, index := range []uint64{100*pageSize - 3, 100 * pageSize, 0x7fffffff, 0xffffffff} {
			if _, err := user.ExportedFunction("load").Call(ctx, index); err == nil {
				t.Fatal(index, "is in bounds")
			}
		}
	})
}

// Closing an importer frees the memory of its owner, which goes on.
func TestOwnerGoesOnAfterAnImporterClosed(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, r wazero.Runtime, a *MemoryAllocator) {
		owner := instantiate(t, ctx, r, ownerModule, "owner")
		user := instantiate(t, ctx, r, userModule, "user")
		memory := owner.ExportedMemory("memory")
		memory.WriteUint32Le(8, 77)
		slice, _ := memory.Read(0, 16)
		if err := user.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if a.Live() != 0 {
			t.Log("this wazero frees only the owner's")
		}
		if v := call(t, ctx, owner, "load", 8); v != 77 {
			t.Fatal(v)
		}
		if old := call(t, ctx, owner, "grow", 1); old != 10 {
			t.Fatal(old)
		}
		if v := call(t, ctx, owner, "load", 8); v != 77 {
			t.Fatal(v)
		}
		if err := owner.Close(ctx); err != nil {
			t.Fatal(err)
		}
		// wazero's object and the slices that it gave stay usable.
		if v, ok := memory.ReadUint32Le(8); v != 77 || !ok || slice[8] != 77 {
			t.Fatal(v, ok)
		}
	})
}

func TestSharedMemory(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, r wazero.Runtime, a *MemoryAllocator) {
		module := instantiate(t, ctx, r, sharedModule, "shared")
		if old := call(t, ctx, module, "grow", 2); old != 1 {
			t.Fatal(old)
		}
		memory := module.ExportedMemory("memory")
		ours(t, memory)
		if memory.Size() != 3*pageSize || !memory.WriteByte(3*pageSize-1, 1) {
			t.Fatal(memory.Size())
		}
	})
}

// A module may be closed, and its memory freed, while its code still runs on it.
func TestClosedWhileItRuns(t *testing.T) {
	for name, config := range engines {
		t.Run(name, func(t *testing.T) {
			allocator := Allocator(nil)
			ctx := experimental.WithMemoryAllocator(context.Background(), allocator)
			r := wazero.NewRuntimeWithConfig(ctx, config().WithCloseOnContextDone(true))
			owner := instantiate(t, ctx, r, ownerModule, "owner")
			memory := owner.ExportedMemory("memory")
			ended := make(chan error)
			go func() {
				_, err := owner.ExportedFunction("spin").Call(ctx)
				ended <- err
			}()
			time.Sleep(20 * time.Millisecond)
			if err := owner.Close(ctx); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err == nil {
				t.Fatal("it ended by itself")
			}
			if v, ok := memory.ReadUint32Le(0); v == 0 || !ok {
				t.Fatal(v, ok)
			}
			if err := r.Close(ctx); err != nil || allocator.Release() != 1 {
				t.Fatal(err)
			}
		})
	}
}

// Two memories of a runtime are two of the library.
func TestMemoriesAreApart(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, r wazero.Runtime, a *MemoryAllocator) {
		first := instantiate(t, ctx, r, ownerModule, "first").ExportedMemory("memory")
		second := instantiate(t, ctx, r, ownerModule, "second").ExportedMemory("memory")
		if ours(t, first) == ours(t, second) || a.Live() != 2 {
			t.Fatal(a.Live())
		}
		first.WriteByte(0, 1)
		if v, _ := second.ReadByte(0); v != 0 {
			t.Fatal(v)
		}
	})
}

func TestRefusals(t *testing.T) {
	limited, err := wasmmemory.NewAllocator(wasmmemory.WithSizeLimit(12 * pageSize))
	if err != nil {
		t.Fatal(err)
	}
	a := Allocator(limited)
	memory := a.Allocate(10*pageSize, 100*pageSize)
	if memory.Reallocate(10*pageSize) == nil || memory.Reallocate(13*pageSize) != nil {
		t.Fatal("the limit does not hold")
	}
	if len(memory.Reallocate(12*pageSize)) != 12*pageSize {
		t.Fatal("it does not go on after a refusal")
	}
	memory.Free()
	memory.Free()
	defer func() {
		var e *wasmmemory.Error
		failure, _ := recover().(error)
		if !errors.As(failure, &e) || !errors.Is(failure, wasmmemory.ErrRange) {
			t.Fatal(failure)
		}
	}()
	a.Allocate(0, 100*pageSize).Reallocate(13 * pageSize)
}
