// Package wasmmemory is the linear memory of a WebAssembly engine: JavaScript's WebAssembly.Memory,
// in Go, on the C library libwasm_memory.
//
// The library is found by pkg-config. With the build tag wasm_memory_static its archive is linked
// from native/lib/libwasm_memory.a and its header from native/include, in this directory; with
// wasm_memory_flags whatever CGO_CFLAGS and CGO_LDFLAGS say.
package wasmmemory
