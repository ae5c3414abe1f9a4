package audit_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
)

// TestTags: an entry is found by each record it names, wherever it names it, once.
func TestTags(t *testing.T) {
	st, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "rolegate.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	f := newFixture(t, st)
	tenant, err := st.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	long := "contact:" + strings.Repeat("x", 600) // longer than what is kept of a value
	month := time.Now().UTC().Format("2006-01")
	of := func(tenant []byte, class audit.Class, record string) string {
		t.Helper()
		tag, err := f.log.Tag(f.ctx, tenant, class, month, record)
		if err != nil || len(tag) != 16 {
			t.Fatalf("Tag = %x, %v", tag, err)
		}
		return string(tag)
	}
	_, err = f.log.Tag(f.ctx, tenant.Ref, audit.ClassDecision, month, long)
	if !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("Tag of a month without a key: %v", err)
	}
	for _, c := range []struct {
		name string
		e    audit.Entry
		want []string
	}{
		{"a decision", audit.Entry{Personal: map[string]any{"resource": long}}, []string{long}},
		{"about another person", audit.Entry{Others: []audit.Part{{Person: "customer:1", Personal: map[string]any{"resource": "deal:1"}}}}, []string{"deal:1"}},
		{"a batch", audit.Entry{Others: []audit.Part{
			{Person: "user:bob", Personal: map[string]any{"members": []audit.Member{{Resource: "deal:1"}, {}, {Resource: "deal:2"}, {Resource: "deal:1"}}}},
			{Person: "user:eve", Personal: map[string]any{"members": []audit.Member{{Resource: "deal:2"}, {Resource: "deal:3"}}}},
		}}, []string{"deal:1", "deal:2", "deal:3"}},
		{"a page", audit.Entry{Personal: map[string]any{"resources": []string{"deal:1", "deal:2"}}}, []string{"deal:1", "deal:2"}},
		{"any record", audit.Entry{Personal: map[string]any{"resource": "deal:*"}}, nil},
		{"none", audit.Entry{Personal: map[string]any{"subject": "user:bob"}}, nil},
	} {
		c.e.Tenant, c.e.Class = "acme", audit.ClassDecision
		tags, err := audit.RecordTags(f.ctx, f.log, c.e)
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for _, tag := range tags {
			got = append(got, string(tag))
		}
		for _, name := range c.want {
			want = append(want, of(tenant.Ref, audit.ClassDecision, name))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
	for _, e := range []audit.Entry{{Tenant: "acme", Class: audit.ClassAdmin}, {Class: audit.ClassDecision}} {
		e.Personal = map[string]any{"resource": "deal:1"}
		if _, err := audit.RecordTags(f.ctx, f.log, e); err != nil {
			t.Fatal(err)
		}
	}
	same := of(tenant.Ref, audit.ClassDecision, "deal:1")
	if same == of(tenant.Ref, audit.ClassAdmin, "deal:1") || same == of(nil, audit.ClassDecision, "deal:1") {
		t.Error("a record has the same tag under two keys")
	}
}
