package sqlstore

import (
	"context"
	"database/sql"
	"strconv"
	"sync"
)

// SQLite folds its write-ahead log into the file by the commit that has filled it: that
// commit, and whoever waits for it, waits for every page to be written and for the
// disk. Here it is done beside the commits, after each foldEvery of them, while others
// go on writing.
//
// The log begins anew only at a commit that finds all of it folded. Where writers leave
// no such moment, it grows until mostUnfolded, and then the commit does it, which by then
// has the last pages to fold and no more.
const (
	foldEvery    = 64
	mostUnfolded = 4000 // pages of 4 KiB; SQLite's own habit is 1000
)

var foldOption = "&_pragma=wal_autocheckpoint(" + strconv.Itoa(mostUnfolded) + ")"

// folder folds the log of one database.
type folder struct {
	mu      sync.Mutex
	commits int
	due     chan struct{} // closed by stop
	stopped chan struct{}
}

// startFolding folds over a connection that reads: a checkpoint changes nothing that can
// be read.
func startFolding(read *sql.DB) *folder {
	f := &folder{due: make(chan struct{}, 1), stopped: make(chan struct{})}
	go func() {
		defer close(f.stopped)
		for range f.due {
			// One that fails is made up for by the next, or by a commit.
			_, _ = read.ExecContext(context.Background(), `PRAGMA wal_checkpoint(PASSIVE)`)
		}
	}()
	return f
}

// committed counts a transaction; nil counts none.
func (f *folder) committed() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.commits++; f.commits < foldEvery {
		return
	}
	f.commits = 0
	select {
	case f.due <- struct{}{}:
	default: // it is at it
	}
}

func (f *folder) stop() {
	if f == nil {
		return
	}
	f.mu.Lock()
	if f.commits >= 0 {
		f.commits = -1 << 62 // none is due any more
		close(f.due)
	}
	f.mu.Unlock()
	<-f.stopped
}
