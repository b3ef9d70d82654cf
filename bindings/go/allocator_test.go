package wasmmemory

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func mustAllocate(t *testing.T, options ...Option) *Allocator {
	t.Helper()
	a, err := NewAllocator(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func mustNewIn(t *testing.T, a *Allocator, d Descriptor, image *Image) *Memory {
	t.Helper()
	m, err := a.New(d, image)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func TestLayoutSettings(t *testing.T) {
	a := mustAllocate(t, WithReservation(8<<30), WithGuards(65536, 1<<20), WithPrefault(true), WithHugePages(true))
	layout := mustNewIn(t, a, pages(1, 2), nil).Layout()
	if layout.Reservation < 8<<30 || layout.GuardBefore < 65536 || layout.GuardAfter < 1<<20 {
		t.Fatalf("%+v", layout)
	}
	if !layout.ElidesI32Checks || !layout.ExactProtection || layout.Movable {
		t.Fatalf("%+v", layout)
	}
	checked := mustAllocate(t, WithBounds(BoundsChecked), WithFallback(false), WithKeepResident(4096), WithKeptBytes(0))
	if layout := mustNewIn(t, checked, pages(1, 2), nil).Layout(); layout.ElidesI32Checks {
		t.Fatalf("%+v", layout)
	}
	heap := mustAllocate(t, WithBackend(BackendHeap), WithMovable(true))
	grows := mustNewIn(t, heap, pages(1, 20), nil)
	if layout := grows.Layout(); layout.ExactProtection || layout.GuardAfter != 0 || !layout.Movable {
		t.Fatalf("%+v", layout)
	}
	if _, err := grows.Grow(19); err != nil {
		t.Fatal(err)
	}
	_, err := NewAllocator(WithBackend(7))
	expect(t, err, ErrType, ReasonUnknownValue)
	_, err = NewAllocator(WithBounds(7))
	expect(t, err, ErrType, ReasonUnknownValue)
	_, err = NewAllocator(WithReservation(1<<63), WithGuards(1<<63, 0))
	if !errors.Is(err, ErrRange) {
		t.Fatal(err)
	}
}

func TestQuota(t *testing.T) {
	a := mustAllocate(t, WithQuota(2, 5*65536))
	first := mustNewIn(t, a, pages(1, 10), nil)
	mustNewIn(t, a, pages(1, 10), nil)
	_, err := a.New(pages(0, 1), nil)
	expect(t, err, ErrRange, ReasonQuotaMemories)
	_, err = first.Grow(4)
	expect(t, err, ErrRange, ReasonQuotaBytes)
	if _, err := first.Grow(3); err != nil {
		t.Fatal(err)
	}
	stats := a.Stats()
	if stats.Memories != 2 || stats.AccessibleBytes != 5*65536 || stats.Refusals != 2 || stats.Growths != 1 {
		t.Fatalf("%+v", stats)
	}
	if stats := first.Stats(); stats.Memories != 1 || stats.AccessibleBytes != 4*65536 {
		t.Fatalf("%+v", stats)
	}
}

func TestPool(t *testing.T) {
	a := mustAllocate(t, WithPool(2, 4*65536))
	first := mustNewIn(t, a, pages(1, 100), nil)
	mustNewIn(t, a, pages(1, 100), nil)
	_, err := a.New(pages(1, 1), nil)
	expect(t, err, ErrRange, ReasonPoolExhausted)
	_, err = first.Grow(4)
	expect(t, err, ErrRange, ReasonSlotSize)
	first.WriteUint8(0, 1)
	first.Close()
	if v, ok := mustNewIn(t, a, pages(1, 1), nil).ReadUint8(0); v != 0 || !ok {
		t.Fatal("a reused slot is not zero")
	}
	a.Trim()
	if stats := a.Stats(); stats.Reuses == 0 || stats.KeptBytes != 0 {
		t.Fatalf("%+v", stats)
	}
	_, err = NewAllocator(WithPool(0, 65536))
	if !errors.Is(err, ErrType) {
		t.Fatal(err)
	}
}

func TestAllocatorClosed(t *testing.T) {
	a := mustAllocate(t)
	m := mustNewIn(t, a, pages(1, 2), nil)
	for range 2 {
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Grow(1); err != nil {
		t.Fatal("its memories go on:", err)
	}
	_, err := a.New(pages(1, 1), nil)
	expect(t, err, ErrClosed, ReasonInvalidHandle)
	a.Trim()
	if a.Stats() != (Stats{}) {
		t.Fatal(a.Stats())
	}
	var none *Allocator
	none.Trim()
	before := none.Stats().Creations
	mustNew(t, pages(1, 1))
	if none.Close() != nil || none.Stats().Creations != before+1 {
		t.Fatal("nil is not the default allocator")
	}
}

func TestLimiter(t *testing.T) {
	type question struct{ current, desired, maximum uint64 }
	var mu sync.Mutex
	var asked []question
	var refused []*Error
	a := mustAllocate(t, WithLimiter(Limiter{
		Growing: func(current, desired, maximum uint64) bool {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, question{current, desired, maximum})
			if desired == 7*65536 {
				panic("no further than this callback")
			}
			return desired <= 5*65536
		},
		Refused: func(e *Error) {
			mu.Lock()
			defer mu.Unlock()
			refused = append(refused, e)
		},
	}))
	m := mustNewIn(t, a, pages(1, 10), nil)
	if _, err := m.Grow(2); err != nil {
		t.Fatal(err)
	}
	_, err := m.Grow(3)
	expect(t, err, ErrRange, ReasonLimiter)
	_, err = m.Grow(4)
	expect(t, err, ErrRange, ReasonLimiter)
	_, err = m.Grow(100)
	expect(t, err, ErrRange, ReasonMaximumExceeded)
	mu.Lock()
	defer mu.Unlock()
	want := []question{
		{0, 65536, 10 * 65536},
		{65536, 3 * 65536, 10 * 65536},
		{3 * 65536, 6 * 65536, 10 * 65536},
		{3 * 65536, 7 * 65536, 10 * 65536},
	}
	if len(asked) != len(want) {
		t.Fatal(asked)
	}
	for i := range want {
		if asked[i] != want[i] {
			t.Fatal(i, asked[i])
		}
	}
	if len(refused) != 3 || refused[2].Reason != ReasonMaximumExceeded || refused[0].Error() == "" {
		t.Fatal(refused)
	}
}

// The library tells when it is done with the limiter, and Go forgets it then.
func TestLimiterIsLetGo(t *testing.T) {
	var gone atomic.Bool
	func() {
		type held struct{ bytes [64]byte }
		value := &held{}
		runtime.AddCleanup(value, func(struct{}) { gone.Store(true) }, struct{}{})
		a, err := NewAllocator(WithLimiter(Limiter{
			Growing: func(uint64, uint64, uint64) bool { return value.bytes[0] == 0 },
		}))
		if err != nil {
			t.Fatal(err)
		}
		m, err := a.New(pages(1, 1), nil)
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
		a.Close()
	}()
	for range 100 {
		runtime.GC()
		if gone.Load() {
			return
		}
		runtime.Gosched()
	}
	t.Fatal("the limiter is still held")
}

func TestMovingGrowth(t *testing.T) {
	a := mustAllocate(t, WithReservation(65536), WithMovable(true), WithSizeLimit(300*65536))
	m := mustNewIn(t, a, Descriptor{Initial: Pages(1)}, nil)
	if !m.Layout().Movable {
		t.Fatalf("%+v", m.Layout())
	}
	m.WriteUint32Le(100, 0xabcdef)
	b, err := m.Buffer()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := m.Grow(200); err != nil {
		t.Fatal(err)
	}
	if v, _ := m.ReadUint32Le(100); v != 0xabcdef || !b.Detached() {
		t.Fatalf("%x", v)
	}
	_, err = m.Grow(200)
	expect(t, err, ErrRange, ReasonSizeLimit)
}
