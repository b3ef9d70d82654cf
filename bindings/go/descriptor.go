package wasmmemory

// #include "shim.h"
import "C"

// A PageCount is a count of pages that may be absent, as its zero value is.
type PageCount struct {
	Count   uint64
	Present bool
}

// Pages is a count of n pages; n may be 0.
func Pages(n uint64) PageCount { return PageCount{Count: n, Present: true} }

// AddressType is the integer type of a memory's indexes.
type AddressType uint32

// The address types.
const (
	AddressI32 AddressType = C.WASM_MEMORY_ADDRESS_I32
	AddressI64 AddressType = C.WASM_MEMORY_ADDRESS_I64
)

// A Descriptor is what a memory is to be, or is. Its zero value is JavaScript's {}: no initial size,
// which [New] refuses with ErrType.
type Descriptor struct {
	Initial  PageCount
	Maximum  PageCount // required when Shared
	Shared   bool
	Address  AddressType
	PageSize uint32 // bytes: 1 or 65536; 0 means 65536
}

func (d Descriptor) c() C.wasm_memory_descriptor_t {
	return C.wasm_memory_descriptor_t{
		initial:   d.Initial.c(),
		maximum:   d.Maximum.c(),
		shared:    C.bool(d.Shared),
		address:   C.uint32_t(d.Address),
		page_size: C.uint32_t(d.PageSize),
	}
}

func (p PageCount) c() C.wasm_memory_page_count_t {
	return C.wasm_memory_page_count_t{pages: C.uint64_t(p.Count), present: C.bool(p.Present)}
}

func descriptor(c *C.wasm_memory_descriptor_t) Descriptor {
	return Descriptor{
		Initial:  PageCount{uint64(c.initial.pages), bool(c.initial.present)},
		Maximum:  PageCount{uint64(c.maximum.pages), bool(c.maximum.present)},
		Shared:   bool(c.shared),
		Address:  AddressType(c.address),
		PageSize: uint32(c.page_size),
	}
}
