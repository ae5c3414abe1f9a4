package sqlstore

import (
	"context"
	"fmt"
	"testing"

	"rolegate/internal/store"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// BenchmarkLoadDirectory reads what a snapshot of a medium tenant is made of:
// 1,000 people in teams, 60 roles, 2,000 assignments.
func BenchmarkLoadDirectory(b *testing.B) {
	for _, db := range []struct {
		name string
		open func(b *testing.B) (*DB, error)
	}{
		{"sqlite", func(b *testing.B) (*DB, error) { return OpenSQLite(b.Context(), b.TempDir()+"/rolegate.db") }},
		{"postgres", func(b *testing.B) (*DB, error) { return OpenPostgres(b.Context(), pgtest.URL(b)) }},
	} {
		b.Run(db.name, func(b *testing.B) {
			db, err := db.open(b)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			if err := medium(b.Context(), db); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				d, err := db.LoadDirectory(b.Context(), "t")
				if err != nil || len(d.Subjects) != 1000 || len(d.Assignments) != 2000 {
					b.Fatalf("%d subjects, %d assignments, %v", len(d.Subjects), len(d.Assignments), err)
				}
			}
		})
	}
}

func medium(ctx context.Context, db *DB) error {
	return db.InTx(ctx, func(tx store.Tx) error {
		if err := tx.InsertTenant(ctx, model.Tenant{ID: "t", Ref: []byte("t")}); err != nil {
			return err
		}
		for i := range 60 {
			if err := tx.EnsureRole(ctx, "t", fmt.Sprint("role-", i)); err != nil {
				return err
			}
		}
		for i := range 1000 {
			s := model.Subject{Type: "user", ID: fmt.Sprint("person-", i), Teams: []string{fmt.Sprint("team-", i%80)}, Manager: fmt.Sprint("person-", i/6)}
			if i%10 == 0 {
				s.Attributes = map[string]any{"region": "EU", "level": 3.0}
			}
			if err := tx.PutSubject(ctx, "t", s); err != nil {
				return err
			}
			for n := range 2 {
				a := model.Assignment{Member: s.Key(), Role: fmt.Sprint("role-", (i+n*7)%60)}
				if err := tx.PutAssignment(ctx, "t", a); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
