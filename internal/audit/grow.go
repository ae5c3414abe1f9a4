package audit

import (
	"context"
	"fmt"

	"rolegate/internal/audit/tree"
	"rolegate/internal/audit/wire"
	"rolegate/internal/store"
)

// grow stores records behind the head that was taken, numbers them from seq on,
// and lets the tree grow over them; the records' leaf hashes are returned. A
// record that is committed is in the tree.
func grow(ctx context.Context, tx store.Tx, head store.Head, seq int64, records []record) (hashes [][]byte, err error) {
	frontier, err := wholeTree(ctx, tx, head)
	if err != nil {
		return nil, err
	}
	rows := make([]store.Entry, len(records))
	hashes = make([][]byte, len(records))
	for i, r := range records {
		leaf := r.leaf(seq + int64(i))
		rows[i] = store.Entry{Leaf: leaf, Sealed: r.sealed, Tags: r.tags}
		hashes[i] = tree.LeafHash(leaf)
		frontier.Append(hashes[i], nil)
	}
	if err := tx.ExtendTree(ctx, head.Size, rows, frontier.Size(), frontier.Bytes()); err != nil {
		return nil, err
	}
	return hashes, note(ctx, tx, records)
}

// leaf is the record's leaf with its number.
func (r *record) leaf(seq int64) []byte {
	leaf := make([]byte, 0, len(r.head)+9+len(r.tail))
	return append(wire.AppendInt(append(leaf, r.head...), seq), r.tail...)
}

// mostBehind bounds how many leaves an append adds to the tree that are not its
// own, while others wait. More are for catchUp, which each replica does when it opens
// the log and each second from then on: while it has nothing to append itself a
// process of an older release, which knows of no tree, may append any number.
var mostBehind int64 = 10_000

// wholeTree is the tree over all entries before the head that was taken.
func wholeTree(ctx context.Context, tx store.Tx, head store.Head) (*tree.Frontier, error) {
	frontier, err := tree.ParseFrontier(head.TreeSize, head.Frontier)
	if err != nil {
		return nil, fmt.Errorf("the log's head is damaged: %w", err)
	}
	behind := head.Size - head.TreeSize
	if behind < 0 || behind > mostBehind {
		return nil, fmt.Errorf("the log's head is damaged: %d entries, and a tree over %d", head.Size, head.TreeSize)
	}
	return frontier, addLeaves(ctx, tx, frontier, int(behind))
}

// addLeaves adds the next n stored leaves.
func addLeaves(ctx context.Context, tx store.Tx, frontier *tree.Frontier, n int) error {
	if n == 0 {
		return nil
	}
	leaves, err := tx.LeavesFrom(ctx, frontier.Size(), n)
	if err != nil {
		return err
	}
	if len(leaves) != n {
		return fmt.Errorf("the log is damaged: of %d entries from %d on there are %d", n, frontier.Size(), len(leaves))
	}
	for _, leaf := range leaves {
		frontier.Append(tree.LeafHash(leaf), nil)
	}
	return nil
}

// catchUp brings the tree up to the entries that came without one, before an upgrade
// or by a process of an older release, a few at a time so that others may append
// meanwhile.
func (l *Log) catchUp(ctx context.Context) error {
	for {
		head, err := l.store.Head(ctx)
		if err != nil || head.Size <= head.TreeSize {
			return err
		}
		// What came since the head was read is left to the next time, or there would be
		// no end while others append.
		if n, err := l.catchUpSome(ctx); err != nil || n < mostBehind {
			return err
		}
	}
}

// catchUpSome adds up to mostBehind leaves to the tree, and tells how many.
func (l *Log) catchUpSome(ctx context.Context) (n int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	err = l.store.InTx(ctx, func(tx store.Tx) error {
		head, _, err := tx.TakeHead(ctx, l.source, 0)
		if err != nil {
			return err
		}
		n = min(head.Size-head.TreeSize, mostBehind)
		if n <= 0 {
			return nil
		}
		frontier, err := tree.ParseFrontier(head.TreeSize, head.Frontier)
		if err != nil {
			return fmt.Errorf("the log's head is damaged: %w", err)
		}
		if err := addLeaves(ctx, tx, frontier, int(n)); err != nil {
			return err
		}
		return tx.SetTree(ctx, frontier.Size(), frontier.Bytes())
	})
	return n, err
}
