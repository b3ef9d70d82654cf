module libwasm_memory/bindings/go/wazeromem

go 1.24.0

require (
	github.com/tetratelabs/wazero v1.11.0
	libwasm_memory/bindings/go v0.0.0
)

require golang.org/x/sys v0.38.0 // indirect

replace libwasm_memory/bindings/go => ../
