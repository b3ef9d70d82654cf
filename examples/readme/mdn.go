package main

import (
	"errors"
	"fmt"

	wasmmemory "libwasm_memory/bindings/go"
)

func main() {
	memory, err := wasmmemory.New(wasmmemory.Descriptor{
		Initial: wasmmemory.Pages(10),
		Maximum: wasmmemory.Pages(100),
	})
	if err != nil {
		panic(err) // errors.Is(err, wasmmemory.ErrType), ErrRange, ...
	}
	defer memory.Close()

	memory.WriteUint32Le(0, 42)
	previous, _ := memory.Grow(1)
	first, ok := memory.ReadUint32Le(0) // false: out of bounds
	fmt.Println(previous, "->", memory.Size(), "pages, first", first, ok)

	_ = memory.WithBytes(func(bytes []byte) error { // in place, without copying
		bytes[0]++
		return nil
	})

	_, err = memory.Grow(1000)
	var why *wasmmemory.Error
	if errors.Is(err, wasmmemory.ErrRange) && errors.As(err, &why) {
		fmt.Println(why.Status, why.Requested, why.Available, why.Reason == wasmmemory.ReasonMaximumExceeded)
	}
}
