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
// record that is committed is in the tree, and under the head's MAC.
func (l *Log) grow(ctx context.Context, tx store.Tx, head store.Head, seq int64, records []record) (hashes [][]byte, err error) {
	if err := l.CheckHead(head); err != nil {
		return nil, err
	}
	frontier, err := tree.ParseFrontier(head.TreeSize, head.Frontier)
	if err != nil {
		return nil, fmt.Errorf("the log's head is damaged: %w", err)
	}
	rows := make([]store.Entry, len(records))
	hashes = make([][]byte, len(records))
	for i, r := range records {
		leaf := r.leaf(seq + int64(i))
		rows[i] = store.Entry{Leaf: leaf, Sealed: r.sealed, Tags: r.tags}
		hashes[i] = tree.LeafHash(leaf)
		frontier.Append(hashes[i], nil)
	}
	if err := tx.ExtendTree(ctx, head.Size, rows, l.HeadOf(frontier)); err != nil {
		return nil, err
	}
	return hashes, note(ctx, tx, records)
}

// leaf is the record's leaf with its number.
func (r *record) leaf(seq int64) []byte {
	leaf := make([]byte, 0, len(r.head)+9+len(r.tail))
	return append(wire.AppendInt(append(leaf, r.head...), seq), r.tail...)
}

// mostBehind bounds how many leaves one transaction adds to a tree that is behind,
// while others wait.
var mostBehind int64 = 10_000

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

// catchUp brings the tree up to the entries that came before there was one, a few at a
// time so that others may append meanwhile.
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
		head.TreeSize, head.Frontier = frontier.Size(), frontier.Bytes()
		return tx.SetHead(ctx, head)
	})
	return n, err
}
