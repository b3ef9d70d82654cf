package wasmmemory

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestSnapshotAndReset(t *testing.T) {
	m := mustNew(t, pages(2, 10))
	m.WriteString(100, "as it was")
	snapshot, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	kind, err := snapshot.GetType()
	if err != nil || kind.Initial != Pages(2) || kind.PageSize != 65536 {
		t.Fatal(kind, err)
	}
	m.WriteString(100, "something")
	m.Grow(3)
	b, err := m.Buffer()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := m.Reset(snapshot); err != nil {
		t.Fatal(err)
	}
	if v, _ := m.Read(100, 9); string(v) != "as it was" || m.Size() != 2 || !b.Detached() {
		t.Fatal(string(v), m.Size())
	}
	if err := m.Reset(nil); err != nil {
		t.Fatal(err)
	}
	if v, _ := m.ReadUint8(100); v != 0 || m.Size() != 2 {
		t.Fatal(v, m.Size())
	}
	other := mustNewIn(t, nil, pages(2, 5), snapshot)
	if v, _ := other.Read(100, 9); string(v) != "as it was" {
		t.Fatal(string(v))
	}
	_, err = (*Allocator)(nil).New(pages(1, 5), snapshot)
	expect(t, err, ErrRange, ReasonImageDoesNotFit)

	shared := mustNew(t, Descriptor{Initial: Pages(1), Maximum: Pages(1), Shared: true})
	_, err = shared.Snapshot()
	expect(t, err, ErrType, ReasonSharedMemory)
	expect(t, shared.Reset(nil), ErrType, ReasonSharedMemory)
}

func TestImage(t *testing.T) {
	bytes := []byte("image")
	image, err := NewImage(bytes, 70000)
	if err != nil {
		t.Fatal(err)
	}
	bytes[0] = 'I' // a copy was made
	m := mustNewIn(t, nil, pages(2, 2), image)
	if v, _ := m.Read(70000, 5); string(v) != "image" {
		t.Fatal(string(v))
	}
	path := filepath.Join(t.TempDir(), "image")
	if err := image.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if kind, err := image.GetType(); err != nil || kind.Initial.Present {
		t.Fatal(kind, err)
	}
	for range 2 {
		if err := image.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err = (*Allocator)(nil).New(pages(2, 2), image)
	expect(t, err, ErrClosed, ReasonInvalidHandle)
	expect(t, m.Reset(image), ErrClosed, ReasonInvalidHandle)
	expect(t, image.WriteFile(path), ErrClosed, ReasonInvalidHandle)

	image, err = ImageFromFile(path, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	if err := os.WriteFile(path, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	m = mustNewIn(t, nil, pages(1, 2), image)
	if v, _ := m.Read(3, 5); string(v) != "image" {
		t.Fatal(string(v))
	}
	empty, err := NewImage(nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	empty.Close()
}

func TestImageFileErrors(t *testing.T) {
	_, err := ImageFromFile(filepath.Join(t.TempDir(), "none"), 0)
	expect(t, err, ErrHost, ReasonFile)
	if !errors.Is(err, syscall.ENOENT) || !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	_, err = ImageFromFile("a\x00b", 0)
	expect(t, err, ErrHost, ReasonFile)
}

// A reset that shrinks takes bytes away: it waits for those who use them.
func TestResetWaitsForWithBytes(t *testing.T) {
	m := mustNew(t, pages(1, 100))
	m.Grow(99)
	reset := make(chan error)
	err := m.WithBytes(func(bytes []byte) error {
		go func() { reset <- m.Reset(nil) }()
		select {
		case <-reset:
			t.Error("it was reset meanwhile")
		case <-time.After(20 * time.Millisecond):
		}
		bytes[len(bytes)-1] = 1
		return nil
	})
	if err := errors.Join(err, <-reset); err != nil || m.Size() != 1 {
		t.Fatal(err, m.Size())
	}
}

func TestResetAndAllElseAtOnce(t *testing.T) {
	m := mustNew(t, pages(1, 100))
	m.WriteUint8(9, 9)
	snapshot, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	var everyone sync.WaitGroup
	for _, f := range []func(){
		func() { m.Grow(5) },
		func() {
			if err := m.Reset(snapshot); err != nil {
				t.Error(err)
			}
		},
		func() { m.ReadUint64Le(m.ByteLength() - 8) },
		func() {
			_ = m.WithBytes(func(bytes []byte) error {
				bytes[len(bytes)-1]++
				return nil
			})
		},
		func() {
			if other, err := m.Snapshot(); err == nil {
				other.Close()
			}
		},
	} {
		everyone.Add(1)
		go func() {
			defer everyone.Done()
			for range 200 {
				f()
			}
		}()
	}
	everyone.Wait()
}
