package checkpoint

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"rolegate/internal/audit"
	"rolegate/internal/audit/tree"
	"rolegate/model"
)

// Bundle gives the entries of a tile (C2SP tlog-tiles): each with its length before
// it, two bytes, big-endian. It is for persons who may export the log of their
// tenant, and is recorded before it is given. One that has entries of other tenants
// in it is CodeForeignEntries: a bundle has no holes, so whose it is in part it is
// nobody's, and `rolegate audit export` has to be asked.
func (p *Publisher) Bundle(ctx context.Context, caller model.Caller, t tree.Tile) ([]byte, error) {
	at, err := p.with(ctx, t)
	if err != nil {
		return nil, err
	}
	tenant, err := p.store.TenantHead(ctx, caller.Tenant)
	if err != nil {
		return nil, err
	}
	from := t.N * tree.TileWidth
	leaves, err := p.store.LeavesFrom(ctx, from, t.Width)
	if err != nil {
		return nil, err
	}
	if len(leaves) != t.Width {
		return nil, fmt.Errorf("the log is damaged: of %d entries from %d on there are %d, and a checkpoint of %d", t.Width, from, len(leaves), at.Size)
	}
	bundle, err := bundleOf(leaves, tenant.Ref)
	if err != nil {
		return nil, err
	}
	return bundle, p.log.Append(ctx, audit.Entry{Tenant: caller.Tenant, Class: audit.ClassAdmin, Activity: audit.BundleRead, Outcome: audit.OutcomeOK,
		Object: "rolegate.audit", Op: "export", Count: int64(t.Width), Personal: map[string]any{"from": from, "to": from + int64(t.Width)}, Caller: caller})
}

func bundleOf(leaves [][]byte, tenant []byte) ([]byte, error) {
	var bundle []byte
	for _, b := range leaves {
		leaf, err := audit.Decode(b)
		if err != nil {
			return nil, err
		}
		if len(leaf.Tenant) > 0 && !bytes.Equal(leaf.Tenant, tenant) {
			return nil, &model.Error{Code: model.CodeForeignEntries}
		}
		if len(b) > math.MaxUint16 {
			return nil, model.Errorf(model.CodeLimitExceeded, "an entry of %d bytes fits into no bundle; `rolegate audit export` has it", len(b))
		}
		bundle = append(binary.BigEndian.AppendUint16(bundle, uint16(len(b))), b...)
	}
	return bundle, nil
}
