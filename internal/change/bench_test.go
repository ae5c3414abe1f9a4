package change_test

import (
	"testing"
	"time"

	"rolegate/internal/policy"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/internal/testkit/workload"
	"rolegate/model"
)

// BenchmarkLockedOut is what it costs to tell whether a document would be the last, in
// the workload giant: 120,000 people and 600,000 rows. "fine" is what nearly every draft
// is, settled by holders of offices; "locked" asks everybody; in "everybody" all may
// write and publish, and none of them has chosen a password. "compile" is the policy's
// compilation, which comes before, whatever is to be looked at of a draft.
func BenchmarkLockedOut(b *testing.B) {
	f := firmOf(testkit.New(b))
	w := workload.Giant.Tenant(0)
	f.must(nil, f.App.Store.InTx(ctx, func(tx store.Tx) error {
		for _, s := range w.Directory.Subjects {
			if err := tx.InsertUser(ctx, model.User{Tenant: tenant, ID: s.ID, Username: s.ID, UsernameKey: s.ID, CreatedAt: time.Unix(0, 0).UTC()}); err != nil {
				return err
			}
		}
		return nil
	}))
	dir, was := w.Directory, f.current().Text
	for id, office := range map[string]string{"sys": model.SystemAdmin, "sec": model.SecurityAdmin, "sec2": model.SecurityAdmin, "aud": model.AuditAdmin} {
		dir.Subjects = append(dir.Subjects, model.Subject{Type: "user", ID: id})
		dir.Roles = append(dir.Roles, model.Role{ID: office})
		dir.Assignments = append(dir.Assignments, model.Assignment{Member: "user:" + id, Role: office})
	}
	catalog, err := policy.ParseCatalog(w.Catalog)
	f.must(catalog, err)
	giant, err := policy.Parse(w.Policy + was)
	f.must(giant, err)
	s, err := policy.NewSnapshot(model.Tenant{ID: tenant}, giant, catalog, dir)
	f.must(s, err)
	now := policy.NewView(s)
	b.Run("compile", func(b *testing.B) {
		for b.Loop() {
			f.must(now.Under(giant))
		}
	})
	everybody := "p, *, rolegate.policy, read, all, , allow\np, *, rolegate.policy, import, all, , allow\np, *, rolegate.policy, publish, all, , allow\n"
	for _, id := range []string{"sys", "sec", "sec2", "aud"} {
		everybody += "p, user:" + id + ", rolegate.policy, *, all, , deny\n"
	}
	for _, c := range []struct {
		name, document string
		locked         bool
	}{
		{"fine", was + row + "\n", false},
		{"locked", without(was, securityRow), true},
		{"everybody", without(was, securityRow, approveRow) + everybody, true},
	} {
		doc, err := policy.Parse(w.Policy + c.document)
		f.must(doc, err)
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				then, err := now.Under(doc) // whose roles are worked out anew
				f.must(then, err)
				b.StartTimer()
				locked, err := f.LockedOut(ctx, tenant, now, then)
				if err != nil || (locked != nil) != c.locked {
					b.Fatalf("%+v, %v", locked, err)
				}
			}
		})
	}
}
