package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
)

// What the log can take at best: our store's own insert of records, with nothing
// decided, sealed or sent before it.

// entries have the shape of decisions' records: a leaf of 300 bytes, a segment
// of 136 sealed for the person who asks, one of a thousand in turns, and the tag of
// the record that is asked about.
var entries = func() (out []store.Entry) {
	leaf := bytes.Repeat([]byte{0x42}, 300)
	for i := range 1000 {
		ref := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		out = append(out, store.Entry{Leaf: leaf, Tags: [][]byte{ref[12:28]}, Sealed: []store.Segment{{
			Ref: ref[:16], Salt: ref[16:], Commitment: ref[8:24], Ciphertext: leaf[:136]}}})
	}
	return out
}()

// openLog opens a store of its own.
func (b *bench) openLog() (store.Store, error) {
	dir, err := os.MkdirTemp(b.dir, "log")
	if err != nil {
		return nil, err
	}
	return sqlstore.OpenSQLite(b.ctx, filepath.Join(dir, "rolegate.db"))
}

// groupCommit has so many writers, each of which waits until its record is
// durable; whatever waits is committed together.
func (b *bench) groupCommit(writers int, span time.Duration) (load, error) {
	st, err := b.openLog()
	if err != nil {
		return load{}, err
	}
	defer st.Close()
	ctx, cancel := context.WithTimeout(b.ctx, span)
	defer cancel()
	waiting := make(chan chan struct{}, writers)
	took := make([][]time.Duration, writers)
	var wg sync.WaitGroup
	for i := range took {
		wg.Go(func() {
			done := make(chan struct{})
			for ctx.Err() == nil {
				began := time.Now()
				waiting <- done
				if _, ok := <-done; !ok {
					return
				}
				took[i] = append(took[i], time.Since(began))
			}
		})
	}
	go func() { wg.Wait(); close(waiting) }()
	began := time.Now()
	err = commitGroups(b.ctx, st, waiting)
	all := slices.Concat(took...)
	return load{Rate: float64(len(all)) / time.Since(began).Seconds(), P50: quantile(all, 50), P99: quantile(all, 99)}, err
}

// commitGroups answers until nobody waits any more. After a failure every
// writer is sent home.
func commitGroups(ctx context.Context, st store.Store, waiting <-chan chan struct{}) (err error) {
	at := 0
	for first := range waiting {
		group := []chan struct{}{first}
		for len(waiting) > 0 {
			group = append(group, <-waiting)
		}
		if err == nil {
			if at += len(group); at > len(entries) {
				at = len(group)
			}
			_, err = st.AppendEntries(ctx, entries[at-len(group):at])
		}
		for _, done := range group {
			if err != nil {
				close(done)
			} else {
				done <- struct{}{}
			}
		}
	}
	return err
}

// bulk appends a thousand records a transaction.
func (b *bench) bulk(span time.Duration) (load, error) {
	st, err := b.openLog()
	if err != nil {
		return load{}, err
	}
	defer st.Close()
	n, began := 0, time.Now()
	for n == 0 || time.Since(began) < span {
		if _, err := st.AppendEntries(b.ctx, entries); err != nil {
			return load{}, fmt.Errorf("bulk append: %w", err)
		}
		n += len(entries)
	}
	return load{Rate: float64(n) / time.Since(began).Seconds()}, nil
}
