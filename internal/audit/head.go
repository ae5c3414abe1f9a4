package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"rolegate/internal/audit/tree"
	"rolegate/internal/store"
	"rolegate/model"
)

// The head says where the log ends, and so what the next entry goes on from. It
// carries a MAC, made in the transaction that appends, under a key that is sealed in
// the keystore: whoever has the log's database alone can put rows behind the end, but
// make no head that has them in it.

// The rows of the keystore's meta: the key, and since when no head goes without.
const (
	headKeyName   = "log_head_key"
	headSinceName = "log_head_authenticated"
)

var errHead = errors.New("the log's head does not have its MAC: it was altered by hand, or is that of a backup from before there were MACs")

// macOf is the MAC that a head ought to have.
func (l *Log) macOf(h store.Head) []byte {
	return l.MAC("head", fmt.Appendf(nil, "%d|%d|%s", h.Size, h.TreeSize, h.Frontier))
}

// MAC is under the head's key: for what others keep of the log in its database, of
// some kind each.
func (l *Log) MAC(kind string, of []byte) []byte {
	m := hmac.New(sha256.New, l.headKey)
	fmt.Fprintf(m, "%s|%s", kind, of)
	return m.Sum(nil)
}

// CheckHead is an error of CodeLogAltered for a head that this log has not made.
func (l *Log) CheckHead(h store.Head) error {
	if !hmac.Equal(h.MAC, l.macOf(h)) {
		return model.Errorf(model.CodeLogAltered, "%v; see \"Checkpoints\" in docs/operations.md", errHead)
	}
	return nil
}

// authenticate gives the head of a log from before there were MACs its first one, and
// tells whether it had none.
func (l *Log) authenticate(ctx context.Context, tx store.Tx) (head store.Head, given bool, err error) {
	head, _, err = tx.TakeHead(ctx, l.source, 0)
	if err != nil || l.CheckHead(head) == nil {
		return head, false, err
	}
	frontier, err := tree.ParseFrontier(head.TreeSize, head.Frontier)
	if err != nil {
		return head, false, fmt.Errorf("the log's head is damaged: %w", err)
	}
	behind := head.Size - head.TreeSize
	if behind < 0 || behind > mostBehind {
		return head, false, fmt.Errorf("the log's head is damaged: %d entries, and a tree over %d", head.Size, head.TreeSize)
	}
	if err := addLeaves(ctx, tx, frontier, int(behind)); err != nil {
		return head, false, err
	}
	head = l.HeadOf(frontier)
	return head, true, tx.SetHead(ctx, head)
}

// HeadOf is the head of this log where it has this tree, with its MAC.
func (l *Log) HeadOf(f *tree.Frontier) store.Head {
	h := store.Head{Size: f.Size(), TreeSize: f.Size(), Frontier: f.Bytes()}
	h.MAC = l.macOf(h)
	return h
}

// openHead gives the head of a log from before there were MACs its first one. That
// is done once, and noted where whoever has the log's database cannot undo it.
func (l *Log) openHead(ctx context.Context, keys store.Keystore) error {
	switch _, err := keys.MetaValue(ctx, headSinceName); {
	case err == nil:
		return l.openEmpty(ctx)
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if err := l.catchUp(ctx); err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	err := l.store.InTx(short, func(tx store.Tx) error {
		head, given, err := l.authenticate(short, tx)
		if err != nil || !given || head.Size == 0 {
			return err
		}
		return l.AppendIn(short, tx, Entry{Class: ClassSystem, Activity: LogHeadKeyMade, Outcome: OutcomeOK,
			Object: headKeyName, Count: head.Size, Caller: model.Caller{Kind: model.CallerSystem}})
	})
	if err != nil {
		return err
	}
	if err := keys.InsertMeta(ctx, headSinceName, []byte(l.now().UTC().Format("2006-01-02T15:04:05Z"))); !errors.Is(err, store.ErrExists) {
		return err
	}
	return nil
}
