package wasmmemory

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

// No mistake of goroutines crashes: everything at once on one memory, which is closed meanwhile.
func TestEverythingAtOnce(t *testing.T) {
	movable, err := NewAllocator(WithReservation(65536), WithMovable(true))
	if err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func() (*Memory, error){
		"unshared": func() (*Memory, error) { return New(pages(1, 1000)) },
		"movable":  func() (*Memory, error) { return movable.New(pages(1, 1000), nil) },
		"shared": func() (*Memory, error) {
			return New(Descriptor{Initial: Pages(1), Maximum: Pages(1000), Shared: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				m, err := make()
				if err != nil {
					t.Fatal(err)
				}
				hammer(m)
			}
		})
	}
}

func hammer(m *Memory) {
	var everyone sync.WaitGroup
	loop := func(f func(i uint64)) {
		everyone.Add(1)
		go func() {
			defer everyone.Done()
			for i := range uint64(200) {
				f(i)
			}
		}()
	}
	loop(func(i uint64) { m.WriteUint64Le(i*8, i) })
	loop(func(i uint64) { m.ReadUint64Le(m.ByteLength() - 8) })
	loop(func(uint64) { m.Grow(1) })
	loop(func(uint64) {
		_ = m.WithBytes(func(bytes []byte) error {
			bytes[len(bytes)-1]++
			return nil
		})
	})
	loop(func(i uint64) {
		if b, err := m.Buffer(); err == nil {
			_, _ = b.WriteAt([]byte{1, 2, 3}, int64(i))
			b.Close()
		}
	})
	loop(func(uint64) { _ = m.Fill(0, 1, 4096) })
	loop(func(i uint64) {
		if other, err := m.Retain(); err == nil {
			_ = Copy(other, 0, m, i, 64)
			other.Close()
		}
	})
	loop(func(i uint64) {
		if i == 100 {
			m.Close()
		}
	})
	everyone.Wait()
	m.Close()
}

// A growth that may move waits for WithBytes, so that what f writes is not lost.
func TestMovingGrowthWaits(t *testing.T) {
	a, err := NewAllocator(WithReservation(65536), WithGuards(0, 65536), WithMovable(true))
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.New(pages(1, 1000), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	grown := make(chan error)
	err = m.WithBytes(func(bytes []byte) error {
		go func() {
			_, err := m.Grow(500)
			grown <- err
		}()
		select {
		case <-grown:
			t.Error("it grew meanwhile")
		case <-time.After(20 * time.Millisecond):
		}
		bytes[7] = 7
		return nil
	})
	if err := errors.Join(err, <-grown); err != nil {
		t.Fatal(err)
	}
	if v, _ := m.ReadUint8(7); v != 7 || m.Size() != 501 {
		t.Fatal(v, m.Size())
	}
}

func TestSharedGrowthsAreOrdered(t *testing.T) {
	m := mustNew(t, Descriptor{Initial: Pages(0), Maximum: Pages(400), Shared: true})
	var seen [400]atomic.Bool
	var everyone sync.WaitGroup
	for range 4 {
		everyone.Add(1)
		go func() {
			defer everyone.Done()
			for range 100 {
				previous, err := m.Grow(1)
				if err != nil || seen[previous].Swap(true) {
					t.Error(previous, err)
				}
			}
		}()
	}
	everyone.Wait()
	if m.Size() != 400 {
		t.Fatal(m.Size())
	}
}

func TestWaitAndNotify(t *testing.T) {
	m := mustNew(t, Descriptor{Initial: Pages(1), Maximum: Pages(1), Shared: true})
	if r, err := m.WaitUint32(0, 1, -1); r != WaitNotEqual || err != nil {
		t.Fatal(r, err)
	}
	if r, err := m.WaitUint32(0, 0, time.Millisecond); r != WaitTimedOut || err != nil {
		t.Fatal(r, err)
	}
	const waiters = 8
	results := make(chan WaitResult)
	for range waiters {
		go func() {
			r, err := m.WaitUint64(8, 0, -1)
			if err != nil {
				t.Error(err)
			}
			results <- r
		}()
	}
	for woken := uint32(0); woken < waiters; {
		n, err := m.Notify(8, waiters)
		if err != nil {
			t.Fatal(err)
		}
		woken += n
	}
	for range waiters {
		if r := <-results; r != WaitWoken {
			t.Fatal(r)
		}
	}
	_, err := m.WaitUint32(2, 0, 0)
	expect(t, err, ErrTrap, ReasonUnaligned)
	_, err = m.Notify(65536, 1)
	expect(t, err, ErrTrap, ReasonOutOfBounds)
	unshared := mustNew(t, pages(1, 1))
	_, err = unshared.WaitUint32(0, 0, 0)
	expect(t, err, ErrTrap, ReasonWaitUnshared)
}

// A wait holds the memory; closing does not wait for it, and interrupting ends it.
func TestCloseAndInterruptWhileWaiting(t *testing.T) {
	m := mustNew(t, Descriptor{Initial: Pages(1), Maximum: Pages(1), Shared: true})
	other, err := m.Retain()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	ended := make(chan error)
	go func() {
		_, err := m.WaitUint32(0, 0, -1)
		ended <- err
	}()
	for {
		// Only one that waits tells that it has begun.
		if woken, err := other.Interrupt(); err != nil {
			t.Fatal(err)
		} else if woken == 1 {
			break
		}
	}
	expect(t, <-ended, ErrTrap, ReasonInterrupted)
	go func() {
		_, err := m.WaitUint32(0, 0, 50*time.Millisecond)
		ended <- err
	}()
	time.Sleep(10 * time.Millisecond)
	m.Close()
	if err := <-ended; err != nil && !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

// What Go's atomics store in the bytes, a wait sees.
func TestAtomicsOnBytes(t *testing.T) {
	m := mustNew(t, Descriptor{Initial: Pages(1), Maximum: Pages(1), Shared: true})
	done := make(chan WaitResult)
	go func() {
		r, err := m.WaitUint32(64, 0, -1)
		if err != nil {
			t.Error(err)
		}
		done <- r
	}()
	err := m.WithBytes(func(bytes []byte) error {
		atomic.StoreUint32((*uint32)(unsafe.Pointer(&bytes[64])), 1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Notify(64, 1); err != nil {
		t.Fatal(err)
	}
	if r := <-done; r == WaitTimedOut {
		t.Fatal(r)
	}
}

func BenchmarkReadUint32Le(b *testing.B) {
	m := mustNew(b, pages(1, 1))
	for b.Loop() {
		m.ReadUint32Le(64)
	}
}

func BenchmarkGrow(b *testing.B) {
	m := mustNew(b, pages(0, 65536))
	for b.Loop() {
		m.Grow(0)
	}
}
