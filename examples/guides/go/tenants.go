package main

import (
	"errors"
	"fmt"
	"sync"

	wasmmemory "libwasm_memory/bindings/go"
)

func main() {
	allocator, err := wasmmemory.NewAllocator(
		wasmmemory.WithBounds(wasmmemory.BoundsChecked),
		wasmmemory.WithPool(4, 16*65536),
		wasmmemory.WithQuota(0, 20*65536),
	)
	if err != nil {
		panic(err)
	}
	defer allocator.Close()

	// Different memories at once, each goroutine its own.
	var tenants sync.WaitGroup
	sums := make([]int, 4)
	for i := range sums {
		tenants.Add(1)
		go func() {
			defer tenants.Done()
			memory, err := allocator.New(wasmmemory.Descriptor{Initial: wasmmemory.Pages(1)}, nil)
			if err != nil {
				panic(err)
			}
			defer memory.Close()
			// The bytes in place, kept mapped until the function returns.
			_ = memory.WithBytes(func(bytes []byte) error {
				for at := range 10 {
					bytes[at] = byte(i * at)
				}
				return nil
			})
			copied, _ := memory.Read(0, 10)
			for _, value := range copied {
				sums[i] += int(value)
			}
		}()
	}
	tenants.Wait()
	fmt.Println("sums", sums)

	memory, err := allocator.New(wasmmemory.Descriptor{Initial: wasmmemory.Pages(1)}, nil)
	if err != nil {
		panic(err)
	}
	defer memory.Close()
	// The error came with the call: the goroutine may be on another thread by now.
	_, err = memory.Grow(20)
	var why *wasmmemory.Error
	if errors.Is(err, wasmmemory.ErrRange) && errors.As(err, &why) {
		fmt.Println("refused:", why.Reason == wasmmemory.ReasonSlotSize, why.Requested, why.Available)
	}
}
