package wasmmemory

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
)

func mustNew(t testing.TB, d Descriptor) *Memory {
	t.Helper()
	m, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func pages(initial, maximum uint64) Descriptor {
	return Descriptor{Initial: Pages(initial), Maximum: Pages(maximum)}
}

func expect(t *testing.T, err, class error, reason Reason) *Error {
	t.Helper()
	var e *Error
	if !errors.Is(err, class) || !errors.As(err, &e) || e.Reason != reason {
		t.Fatalf("%v: expected %v, reason %d", err, class, reason)
	}
	return e
}

func TestMDNExample(t *testing.T) {
	m := mustNew(t, pages(10, 100))
	if !m.WriteUint32Le(0, 42) {
		t.Fatal("no write")
	}
	if previous, err := m.Grow(1); previous != 10 || err != nil {
		t.Fatal(previous, err)
	}
	if v, ok := m.ReadUint32Le(0); v != 42 || !ok || m.Size() != 11 || m.ByteLength() != 11*65536 {
		t.Fatal(v, ok, m.Size(), m.ByteLength())
	}
	_, err := m.Grow(1000)
	if e := expect(t, err, ErrRange, ReasonMaximumExceeded); e.Requested != 1011 || e.Available != 100 {
		t.Fatal(e.Requested, e.Available)
	}
}

func TestDescriptorErrors(t *testing.T) {
	for _, c := range []struct {
		d      Descriptor
		class  error
		reason Reason
	}{
		{Descriptor{}, ErrType, ReasonInitialMissing},
		{Descriptor{Initial: Pages(1), Address: 7}, ErrType, ReasonAddressType},
		{Descriptor{Initial: Pages(1 << 32)}, ErrType, ReasonCountOutsideType},
		{Descriptor{Initial: Pages(65537)}, ErrRange, ReasonAboveLimit},
		{Descriptor{Initial: Pages(1), Shared: true}, ErrType, ReasonSharedWithoutMaximum},
		{pages(2, 1), ErrRange, ReasonMaximumBelowInitial},
		{Descriptor{Initial: Pages(1), PageSize: 3}, ErrRange, ReasonPageSize},
		{Descriptor{Initial: Pages(1 << 19), Address: AddressI64}, ErrRange, ReasonSizeLimit},
	} {
		m, err := New(c.d)
		if m != nil {
			t.Fatalf("%+v was made", c.d)
		}
		e := expect(t, err, c.class, c.reason)
		if e.Message == "" || errors.Is(err, ErrTrap) || errors.Is(err, ErrClosed) {
			t.Fatal(e)
		}
	}
}

func TestTypeAndMatch(t *testing.T) {
	m := mustNew(t, Descriptor{Initial: Pages(1), Maximum: Pages(5), Address: AddressI64})
	if _, err := m.Grow(2); err != nil {
		t.Fatal(err)
	}
	got, err := m.GetType()
	want := Descriptor{Initial: Pages(3), Maximum: Pages(5), Address: AddressI64, PageSize: 65536}
	if err != nil || got != want {
		t.Fatal(got, err)
	}
	if err := m.Match(Descriptor{Initial: Pages(3), Address: AddressI64}); err != nil {
		t.Fatal(err)
	}
	expect(t, m.Match(Descriptor{Initial: Pages(4), Address: AddressI64}), ErrLink, ReasonImportInitial)
	expect(t, m.Match(Descriptor{}), ErrLink, ReasonImportAddress)
}

func TestReadAtWriteAt(t *testing.T) {
	m := mustNew(t, pages(1, 1))
	if n, err := m.WriteAt([]byte("linear"), 65530); n != 6 || err != nil {
		t.Fatal(n, err)
	}
	p := make([]byte, 6)
	if n, err := m.ReadAt(p, 65530); n != 6 || err != nil || string(p) != "linear" {
		t.Fatal(n, err, p)
	}
	n, err := m.WriteAt([]byte("0123456"), 65530)
	if e := expect(t, err, ErrTrap, ReasonOutOfBounds); n != 0 || e.Requested != 65537 || e.Available != 65536 {
		t.Fatal(n, e)
	}
	if _, err := m.ReadAt(p, 65530); err != nil || string(p) != "linear" {
		t.Fatal("a trap wrote", p)
	}
	_, err = m.ReadAt(p, 1<<63-1)
	expect(t, err, ErrTrap, ReasonOutOfBounds)
	if !errors.Is(err, io.EOF) {
		t.Fatal("reading past the end is not io.EOF")
	}
	if n, err := m.ReadAt(nil, 65536); n != 0 || err != nil {
		t.Fatal("nothing at the end:", err)
	}
	_, err = m.ReadAt(nil, 65537)
	expect(t, err, ErrTrap, ReasonOutOfBounds)
	_, err = m.ReadAt(p, -1)
	expect(t, err, ErrRange, ReasonCountOutsideType)

	all, err := io.ReadAll(io.NewSectionReader(m, 65530, 6))
	if string(all) != "linear" || err != nil {
		t.Fatal(all, err)
	}
}

func TestTypedAccess(t *testing.T) {
	m := mustNew(t, pages(1, 1))
	m.WriteUint64Le(8, 0x1122334455667788)
	if v, ok := m.ReadUint8(8); v != 0x88 || !ok {
		t.Fatal(v)
	}
	if v, ok := m.ReadUint16Le(8); v != 0x7788 || !ok {
		t.Fatal(v)
	}
	if v, ok := m.ReadUint32Le(9); v != 0x44556677 || !ok {
		t.Fatal(v)
	}
	m.WriteFloat64Le(16, 1.5)
	m.WriteFloat32Le(24, -2.5)
	if v, ok := m.ReadFloat64Le(16); v != 1.5 || !ok {
		t.Fatal(v)
	}
	if v, ok := m.ReadFloat32Le(24); v != -2.5 || !ok {
		t.Fatal(v)
	}
	m.WriteUint8(32, 7)
	m.WriteUint16Le(33, 0x0908)
	m.WriteString(35, "ab")
	m.Write(37, []byte{1})
	if b, ok := m.Read(32, 6); !ok || !bytes.Equal(b, []byte{7, 8, 9, 'a', 'b', 1}) {
		t.Fatal(b)
	}
	for _, offset := range []uint64{65529, 65536, 1 << 32, ^uint64(0)} {
		if _, ok := m.ReadUint64Le(offset); ok || m.WriteUint64Le(offset, ^uint64(0)) {
			t.Fatal(offset, "is in bounds")
		}
	}
	if b, _ := m.ReadUint64Le(65528); b != 0 {
		t.Fatal("a refused write wrote")
	}
	if _, ok := m.Read(0, ^uint64(0)); ok {
		t.Fatal("a read of 2^64 - 1 bytes")
	}
}

func TestBulk(t *testing.T) {
	a, b := mustNew(t, pages(1, 1)), mustNew(t, pages(1, 1))
	if err := a.Fill(0, 7, 65536); err != nil {
		t.Fatal(err)
	}
	expect(t, a.Fill(1, 7, 65536), ErrTrap, ReasonOutOfBounds)
	if err := Copy(b, 10, a, 20, 4); err != nil {
		t.Fatal(err)
	}
	if err := Copy(b, 12, b, 10, 4); err != nil {
		t.Fatal(err)
	}
	if v, _ := b.ReadUint64Le(10); v != 0x070707070707 {
		t.Fatalf("%x", v)
	}
	expect(t, Copy(b, 65535, a, 0, 2), ErrTrap, ReasonOutOfBounds)
	if err := b.Init(0, []byte("segment"), 3, 4); err != nil {
		t.Fatal(err)
	}
	if v, _ := b.Read(0, 4); string(v) != "ment" {
		t.Fatal(v)
	}
	if err := b.Init(0, nil, 0, 0); err != nil {
		t.Fatal(err)
	}
	expect(t, b.Init(0, nil, 0, 1), ErrTrap, ReasonOutOfBounds)
	expect(t, a.Discard(1, 65536), ErrTrap, ReasonUnaligned)
	if err := a.Discard(0, 65536); err != nil {
		t.Fatal(err)
	}
	if v, _ := a.ReadUint8(0); v != 0 {
		t.Fatal(v)
	}
	a.Close()
	expect(t, Copy(b, 0, a, 0, 0), ErrClosed, ReasonInvalidHandle)
	expect(t, Copy(nil, 0, b, 0, 0), ErrClosed, ReasonInvalidHandle)
}

func TestClosed(t *testing.T) {
	closed := mustNew(t, pages(1, 2))
	for range 3 {
		if err := closed.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range []*Memory{closed, nil, {}} {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := m.Grow(1)
		expect(t, err, ErrClosed, ReasonInvalidHandle)
		expect(t, err, ErrType, ReasonInvalidHandle)
		_, err = m.ReadAt(nil, 0)
		expect(t, err, ErrClosed, ReasonInvalidHandle)
		_, err = m.GetType()
		expect(t, err, ErrClosed, ReasonInvalidHandle)
		_, err = m.Buffer()
		expect(t, err, ErrClosed, ReasonInvalidHandle)
		_, err = m.WaitUint32(0, 0, 0)
		expect(t, err, ErrClosed, ReasonInvalidHandle)
		_, err = m.Retain()
		expect(t, err, ErrClosed, ReasonInvalidHandle)
		expect(t, m.WithBytes(func([]byte) error { return nil }), ErrClosed, ReasonInvalidHandle)
		if _, ok := m.ReadUint8(0); ok || m.WriteUint8(0, 1) || m.Size() != 0 || m.ByteLength() != 0 {
			t.Fatal("it is open")
		}
		if m.UnsafeBytes() != nil || m.Same(m) || m.Layout() != (Layout{}) {
			t.Fatal("it is open")
		}
	}
}

func TestRetainAndSend(t *testing.T) {
	m := mustNew(t, pages(1, 2))
	_, err := m.Send()
	expect(t, err, ErrDataClone, ReasonNotCloneable)
	other, err := m.Retain()
	if err != nil || !other.Same(m) {
		t.Fatal(err)
	}
	m.WriteUint8(0, 9)
	m.Close()
	if v, ok := other.ReadUint8(0); v != 9 || !ok {
		t.Fatal("the bytes went with one of two")
	}
	other.Close()

	shared := mustNew(t, Descriptor{Initial: Pages(1), Maximum: Pages(2), Shared: true})
	sent, err := shared.Send()
	if err != nil || !sent.Same(shared) {
		t.Fatal(err)
	}
	defer sent.Close()
	if _, err := sent.Grow(1); err != nil || shared.Size() != 2 {
		t.Fatal(err)
	}
}

func TestFind(t *testing.T) {
	m := mustNew(t, pages(1, 2))
	base := addressOf(m.UnsafeBytes())
	location, ok := Find(base + 70000)
	if !ok || !location.Of(m) || location.Offset != 70000 || location.Zone != ZoneReserved {
		t.Fatalf("%+v", location)
	}
	var ours byte
	if _, ok := Find(addressOf([]byte{ours})); ok {
		t.Fatal("Go's heap is found")
	}
	if layout := m.Layout(); layout.Reservation < 2*65536 {
		t.Fatalf("%+v", layout)
	}
}

func TestForgottenMemoriesAreGivenBack(t *testing.T) {
	bases := make([]uintptr, 64)
	for i := range bases {
		m, err := New(pages(1, 1))
		if err != nil {
			t.Fatal(err)
		}
		bases[i] = addressOf(m.UnsafeBytes())
	}
	for range 100 {
		runtime.GC()
		alive := 0
		for _, base := range bases {
			if _, ok := Find(base); ok {
				alive++
			}
		}
		if alive <= 1 { // the last may still be in a register
			return
		}
		runtime.Gosched()
	}
	t.Fatal("the collector gave nothing back")
}
