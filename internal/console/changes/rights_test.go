package changes_test

import (
	"strconv"
	"strings"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// Whoever may do something to the policy, and not read it, is shown none of it by the
// pages on which that is done, as the API shows them none.
func TestDoingIsNotReading(t *testing.T) {
	f := firmOf(t, testkit.New(t))
	sec := f.browser("sec")
	id := f.handed(sec, "A change", row)
	loose := strings.ReplaceAll(model.StarterCatalog, "requires: [read]", "requires: []") // which by itself would ask for it
	f.must(app.SetTenant.Run(ctx, f.App, testkit.Operator, app.TenantRequest{Tenant: tenant, Catalog: &loose, Reason: "test"}))
	first, err := f.App.Change.Current(ctx, tenant)
	f.must(first, err)
	f.must(app.ImportPolicy.Run(ctx, f.App, testkit.Operator, app.FileRequest{Tenant: tenant, Reason: "test", Text: []byte(first.Text +
		"p, role:doer, rolegate.policy, import, all, , allow\np, role:doer, rolegate.policy, rollback, all, , allow\np, role:doer, rolegate.policy, publish, all, , allow\n")}))
	f.people["dan"] = f.MustEnrol("dan", "doer")
	dan := f.browser("dan")
	back := home + "/revisions/" + strconv.FormatInt(first.Revision, 10) + "/rollback"
	for _, path := range []string{back, home + "/" + id, home + "/" + id + "/rebase", "/console/policy/drafts/" + id + "/text", "/console/policy/drafts/" + id + "/row"} {
		dan.Get(path).Want(t, 403, "")
	}
	dan.Post(home+"/"+id+"/publish", "version", "1").Want(t, 403, "")
	dan.Post(home+"/"+id+"/cases", "version", "1", "cases", "").Want(t, 403, "")
	dan.Post(back, "from", "1", "reason", "test").Want(t, 403, "")
	sec.Get(back).Want(t, 200, "")
}
