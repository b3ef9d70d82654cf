//go:build wasm_memory_static

package wasmmemory

// #cgo CFLAGS: -I${SRCDIR}/native/include
// #cgo LDFLAGS: ${SRCDIR}/native/lib/libwasm_memory.a -lpthread -lm -ldl
import "C"
