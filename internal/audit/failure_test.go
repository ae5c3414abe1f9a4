package audit_test

import (
	"path/filepath"
	"testing"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/store/sqlstore"
	"rolegate/model"
)

// A request that was refused before a service saw it is of the class of what it
// asked for, so that whoever reads the decisions of a day finds it among them.
func TestClassOfFailure(t *testing.T) {
	st, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "rolegate.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	f := newFixture(t, st)
	for route, want := range map[string]audit.Class{
		"/access/v1/evaluation":          audit.ClassDecision,
		"/access/v1/search/subject":      audit.ClassDecision,
		"/v1/filter":                     audit.ClassDecision,
		"/v1/explain":                    audit.ClassDecision,
		"/v1/permissions":                audit.ClassDecision,
		"/v1/forward-auth":               audit.ClassDecision,
		"/v1/forward-auth/path/*":        audit.ClassDecision,
		"/v1/admin/subjects/{type}/{id}": audit.ClassAdmin,
		"/v1/admin/import":               audit.ClassAdmin,
		"/v1/login":                      audit.ClassLogin,
		"/console/changes/{id}/approve":  audit.ClassAdmin,
		"/console/why/who":               audit.ClassDecision,
		"/account/devices":               audit.ClassLogin,
		"/oauth2/token":                  audit.ClassLogin,
	} {
		leaf := audittest.One(t, st, func() {
			if err := f.log.RecordFailure(f.ctx, model.Caller{Kind: model.CallerAnonymous}, "POST "+route, model.CodeUnauthorized); err != nil {
				t.Fatal(err)
			}
		})
		if leaf.Class != want {
			t.Errorf("%s is of class %v, want %v", route, leaf.Class, want)
		}
	}
}
