module guide-examples

go 1.24

require libwasm_memory/bindings/go v0.0.0

replace libwasm_memory/bindings/go => ../../../bindings/go
