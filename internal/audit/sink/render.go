package sink

import (
	"context"
	"encoding/json"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/ocsf"
	"rolegate/internal/audit/tree"
	"rolegate/internal/store"
)

// Pseudonymous renders what leaves hold: persons are pseudonyms.
func Pseudonymous(mk ocsf.Maker, now func() time.Time) Render {
	return func(_ context.Context, index int64, e store.Entry) ([]byte, error) {
		return render(mk, now, index, e, nil)
	}
}

// Full renders names, ids and addresses as well, as long as their keys exist: a
// copy with personal data, which no erasure reaches.
func Full(mk ocsf.Maker, now func() time.Time, log *audit.Log) Render {
	return func(ctx context.Context, index int64, e store.Entry) ([]byte, error) {
		return render(mk, now, index, e, func(leaf audit.Leaf) ([]map[string]any, error) { return log.Reveal(ctx, leaf, e) })
	}
}

func render(mk ocsf.Maker, now func() time.Time, index int64, e store.Entry, reveal func(audit.Leaf) ([]map[string]any, error)) ([]byte, error) {
	hash := tree.LeafHash(e.Leaf)
	leaf, err := audit.Decode(e.Leaf)
	if err != nil {
		return json.Marshal(mk.Unreadable(index, e.Leaf, hash, now().UnixMilli()))
	}
	var revealed []map[string]any
	if reveal != nil {
		if revealed, err = reveal(leaf); err != nil {
			return nil, err
		}
	}
	return json.Marshal(mk.Event(index, leaf, hash, revealed))
}
