package wasmmemory

import "sync"

// A unit is what one goroutine at a time may use: an unshared memory with its buffers. A shared
// memory may be used by all at once; only closing a handle excludes the others.
type unit struct {
	shared bool
	own    sync.Mutex   // of an unshared memory
	many   sync.RWMutex // of a shared one

	pins     int        // WithBytes in progress on an unshared memory
	unpinned *sync.Cond // of own
}

func newUnit(shared bool) *unit {
	u := &unit{shared: shared}
	u.unpinned = sync.NewCond(&u.own)
	return u
}

func (u *unit) enter() {
	if u.shared {
		u.many.RLock()
	} else {
		u.own.Lock()
	}
}

func (u *unit) leave() {
	if u.shared {
		u.many.RUnlock()
	} else {
		u.own.Unlock()
	}
}

// enterAlone is for changing a handle.
func (u *unit) enterAlone() {
	if u.shared {
		u.many.Lock()
	} else {
		u.own.Lock()
	}
}

func (u *unit) leaveAlone() {
	if u.shared {
		u.many.Unlock()
	} else {
		u.own.Unlock()
	}
}

// waitUnpinned returns when no WithBytes is in progress; the unit was entered, and is left meanwhile.
func (u *unit) waitUnpinned() {
	for !u.shared && u.pins > 0 {
		u.unpinned.Wait()
	}
}

func (u *unit) pin() {
	if !u.shared {
		u.pins++
	}
}

func (u *unit) unpin() {
	if u.shared {
		return
	}
	u.own.Lock()
	defer u.own.Unlock()
	if u.pins--; u.pins == 0 {
		u.unpinned.Broadcast()
	}
}
