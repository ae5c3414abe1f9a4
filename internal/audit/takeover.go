package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"math"

	"rolegate/internal/audit/tree"
	"rolegate/internal/store"
	"rolegate/model"
)

// The Ops of the entry of whoever had the log go on from a head without its MAC.
const (
	HeadTakenOver = "head_taken_over" // the size and the tree that stood in it are those of the entries
	HeadRebuilt   = "head_rebuilt"    // they were others; head_was, in what the entry seals, says which
)

// leavesAtOnce bounds what is read by one statement.
const leavesAtOnce = 1024

// TakeOver commits the entry of an operator who has the log go on as it is stored, also
// where its head does not have its MAC, which the entry then says. Nothing of such a
// head is believed: whoever altered it may have left any tree in it, and none that was
// there before comes back once the log has gone on. So the new head is that of the
// entries, all of which are read. Where one is missing the error is of CodeLogAltered;
// where something moved meanwhile, of CodeConflict.
func (l *Log) TakeOver(ctx context.Context, e Entry) error {
	head, err := l.store.Head(ctx)
	if err != nil {
		return unavailable(err)
	}
	if l.CheckHead(head) == nil {
		return l.Append(ctx, e)
	}
	f, err := l.rebuild(ctx, head.Size)
	if err != nil {
		return err
	}
	e.Op, e.Count = HeadTakenOver, f.Size()
	if head.Size != f.Size() || head.TreeSize != f.Size() || !bytes.Equal(head.Frontier, f.Bytes()) {
		e.Op, e.Personal = HeadRebuilt, maps.Clone(e.Personal)
		if e.Personal == nil {
			e.Personal = map[string]any{}
		}
		e.Personal["head_was"] = wordsOf(head)
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	err = l.store.InTx(ctx, func(tx store.Tx) error {
		now, _, err := tx.TakeHead(ctx, l.source, 0)
		if err != nil {
			return unavailable(err)
		}
		more, err := tx.LeavesFrom(ctx, f.Size(), 1)
		if err != nil {
			return unavailable(err)
		}
		if !sameHead(now, head) || len(more) > 0 {
			return errBeside
		}
		if err := tx.SetHead(ctx, l.HeadOf(f)); err != nil {
			return unavailable(err)
		}
		return l.AppendIn(ctx, tx, e)
	})
	if errors.Is(err, errBeside) {
		return errBeside
	}
	return unavailable(err)
}

var errBeside = model.Errorf(model.CodeConflict, "the log's head or its entries changed while they were read; do it again")

// rebuild is the tree over the entries as they are stored, of which there have to be
// size at least, without a gap.
func (l *Log) rebuild(ctx context.Context, size int64) (*tree.Frontier, error) {
	f := tree.NewFrontier()
	for whole := true; whole; {
		from := f.Size()
		rows, err := l.store.StoredFrom(ctx, from, from+leavesAtOnce, false)
		if err != nil {
			return nil, unavailable(err)
		}
		for _, row := range rows {
			if row.Index != f.Size() {
				break
			}
			f.Append(tree.LeafHash(row.Leaf), nil)
		}
		whole = f.Size() == from+leavesAtOnce
	}
	behind, err := l.store.LeavesFrom(ctx, f.Size(), 1)
	if err != nil {
		return nil, unavailable(err)
	}
	if len(behind) > 0 {
		came, err := l.store.StoredFrom(ctx, f.Size(), f.Size()+1, false)
		if err != nil {
			return nil, unavailable(err)
		}
		if len(came) > 0 {
			return nil, errBeside
		}
	}
	const put = "put back what differs from a backup, and do it again; see \"Checkpoints\" in docs/operations.md"
	switch {
	case len(behind) > 0:
		return nil, model.Errorf(model.CodeLogAltered, "the log does not go on: entry %d is missing, and there is one behind it: %s", f.Size(), put)
	case f.Size() < size:
		return nil, model.Errorf(model.CodeLogAltered, "the log does not go on: its head says that there are %d entries, and from entry %d on there is none: %s", size, f.Size(), put)
	}
	return f, nil
}

// wordsOf are what an entry says of a head that was not the log's.
func wordsOf(h store.Head) map[string]any {
	words := map[string]any{"size": h.Size, "tree_size": h.TreeSize}
	if f, err := tree.ParseFrontier(h.TreeSize, h.Frontier); err == nil {
		words["root"] = hex.EncodeToString(f.Root())
	}
	return words
}

func sameHead(a, b store.Head) bool {
	return a.Size == b.Size && a.TreeSize == b.TreeSize && bytes.Equal(a.Frontier, b.Frontier) && bytes.Equal(a.MAC, b.MAC)
}

// openEmpty gives its MAC to the head of a database that has just been made, where the
// keystore is one that has had a log: without it nothing could be recorded, not even an
// operator's word. That the log which was published is not there is found by the
// checkpoint that the keystore has.
func (l *Log) openEmpty(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	if head, err := l.store.Head(ctx); err != nil || !isEmpty(head) {
		return err
	}
	return l.store.InTx(ctx, func(tx store.Tx) error {
		head, _, err := tx.TakeHead(ctx, l.source, 0)
		if err != nil || !isEmpty(head) {
			return err
		}
		if there, err := tx.LeavesFrom(ctx, math.MinInt64, 1); err != nil || len(there) > 0 {
			return err
		}
		return tx.SetHead(ctx, l.HeadOf(tree.NewFrontier()))
	})
}

// isEmpty tells whether a head is as the database was made with.
func isEmpty(h store.Head) bool {
	return h.Size == 0 && h.TreeSize == 0 && len(h.Frontier) == 0 && len(h.MAC) == 0
}
