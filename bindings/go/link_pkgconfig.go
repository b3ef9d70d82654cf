//go:build !wasm_memory_static && !wasm_memory_flags

package wasmmemory

// #cgo pkg-config: wasm_memory
import "C"
