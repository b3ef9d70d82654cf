package wasmmemory

import (
	"errors"
	"testing"
	"unsafe"
)

func addressOf(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

func buffer(t *testing.T, b *Buffer, err error) *Buffer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestGrowthDetaches(t *testing.T) {
	m := mustNew(t, pages(1, 3))
	b, err := m.Buffer()
	old := buffer(t, b, err)
	b, err = m.Buffer()
	if !buffer(t, b, err).Same(old) {
		t.Fatal("another object without a growth")
	}
	if _, err := old.WriteAt([]byte{5}, 100); err != nil {
		t.Fatal(err)
	}
	m.Grow(0)
	if !old.Detached() || old.ByteLength() != 0 {
		t.Fatal("a growth by 0 detaches too")
	}
	_, err = old.ReadAt(make([]byte, 1), 0)
	expect(t, err, ErrType, ReasonDetached)
	expect(t, old.WithBytes(func([]byte) error { return nil }), ErrType, ReasonDetached)
	b, err = m.Buffer()
	now := buffer(t, b, err)
	p := make([]byte, 1)
	if _, err := now.ReadAt(p, 100); now.Same(old) || err != nil || p[0] != 5 {
		t.Fatal(err, p)
	}
	expect(t, now.Transfer(), ErrType, ReasonNotTransferable)
	expect(t, now.Resize(2*65536), ErrType, ReasonBufferKind)
}

func TestResizableBuffer(t *testing.T) {
	m := mustNew(t, pages(1, 3))
	b, err := m.ToResizableBuffer()
	b = buffer(t, b, err)
	if !b.Resizable() || b.MaxByteLength() != 3*65536 || b.Shared() {
		t.Fatal(b.MaxByteLength())
	}
	if err := b.Resize(2 * 65536); err != nil || m.Size() != 2 || b.ByteLength() != 2*65536 {
		t.Fatal(err)
	}
	expect(t, b.Resize(65536), ErrRange, ReasonWouldShrink)
	expect(t, b.Resize(2*65536+1), ErrRange, ReasonNotPageMultiple)
	expect(t, b.Resize(4*65536), ErrRange, ReasonMaxByteLength)
	fixed, err := m.ToFixedLengthBuffer()
	fixed = buffer(t, fixed, err)
	if !b.Detached() || fixed.Resizable() {
		t.Fatal("not converted")
	}
	unlimited := mustNew(t, Descriptor{Initial: Pages(1)})
	_, err = unlimited.ToResizableBuffer()
	expect(t, err, ErrType, ReasonNoMaximum)
}

func TestSharedBuffer(t *testing.T) {
	m := mustNew(t, Descriptor{Initial: Pages(1), Maximum: Pages(3), Shared: true})
	b, err := m.Buffer()
	fixed := buffer(t, b, err)
	b, err = m.ToResizableBuffer()
	growable := buffer(t, b, err)
	if err := growable.Grow(3 * 65536); err != nil {
		t.Fatal(err)
	}
	if fixed.Detached() || fixed.ByteLength() != 65536 || growable.ByteLength() != 3*65536 || !fixed.Shared() {
		t.Fatal(fixed.ByteLength(), growable.ByteLength())
	}
}

func TestBufferOutlivesMemory(t *testing.T) {
	m := mustNew(t, pages(1, 3))
	m.WriteUint8(3, 4)
	b, err := m.Buffer()
	b = buffer(t, b, err)
	m.Close()
	p := make([]byte, 1)
	if _, err := b.ReadAt(p, 3); err != nil || p[0] != 4 {
		t.Fatal(err, p)
	}
	for _, closed := range []*Buffer{b, nil, {}} {
		for range 2 {
			if err := closed.Close(); err != nil {
				t.Fatal(err)
			}
		}
		_, err := closed.ReadAt(p, 3)
		expect(t, err, ErrClosed, ReasonInvalidHandle)
		expect(t, closed.Resize(0), ErrClosed, ReasonInvalidHandle)
		expect(t, closed.WithBytes(func([]byte) error { return nil }), ErrClosed, ReasonInvalidHandle)
		if closed.ByteLength() != 0 || closed.Detached() || closed.Same(closed) {
			t.Fatal("it is open")
		}
	}
}

func TestWithBytes(t *testing.T) {
	m := mustNew(t, pages(1, 3))
	stop := errors.New("stop")
	err := m.WithBytes(func(bytes []byte) error {
		if len(bytes) != 65536 || cap(bytes) != 65536 {
			t.Fatal(len(bytes), cap(bytes))
		}
		bytes[0] = 1
		if v, _ := m.ReadUint8(0); v != 1 { // other operations go on
			t.Fatal(v)
		}
		if layout := m.Layout(); !layout.Movable {
			if _, err := m.Grow(1); err != nil {
				t.Fatal(err)
			}
			bytes[1] = 2
			if v, _ := m.ReadUint8(1); v != 2 {
				t.Fatal(v)
			}
		}
		m.Close()
		bytes[65535] = 3 // still there
		return stop
	})
	if err != stop || m.Size() != 0 {
		t.Fatal(err)
	}
}

func TestWithBytesPanics(t *testing.T) {
	m := mustNew(t, pages(1, 3))
	func() {
		defer func() {
			if recover() == nil {
				t.Fatal("no panic")
			}
		}()
		_ = m.WithBytes(func(bytes []byte) error {
			bytes[len(bytes)] = 1
			return nil
		})
	}()
	if m.unit.pins != 0 {
		t.Fatal("it is still in progress")
	}
	if _, err := m.Grow(1); err != nil {
		t.Fatal(err)
	}
}
