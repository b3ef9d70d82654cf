module libwasm_memory/bindings/go

go 1.24
