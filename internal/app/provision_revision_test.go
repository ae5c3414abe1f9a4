package app_test

import (
	"strconv"
	"testing"

	"rolegate/internal/testkit"
	"rolegate/model"
)

// What a client demands of the revision holds for the directory too: it is read,
// and written into, as of that revision or not at all.
func TestDirectoryOfADemandedRevision(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, kit *testkit.Kit) {
		k := keeperOf(kit, "hr", model.DefaultTenant, "directory")
		made := k.do("PUT", "teams/emea", "{}")
		k.Want(made, 201)
		now := made.Body["revision"].(float64)
		header := func(demanded int64) []string {
			return []string{"Rolegate-Min-Revision", strconv.FormatInt(demanded, 10)}
		}
		requests := []struct{ method, path, body string }{
			{"GET", "teams", ""}, {"GET", "teams/emea", ""}, {"PUT", "teams/emea", "{}"}, {"PUT", "teams/apac", "{}"}, {"POST", "import?dry_run=true", "{}"},
			{"POST", "import", `{"teams": [{"id": "apac"}]}`}, {"DELETE", "teams/emea", ""},
		}
		for _, r := range requests {
			k.refused(r.method+" "+r.path, k.do(r.method, r.path, r.body, header(int64(now)+1)...), 503, model.CodeRevisionBehind)
		}
		k.Want(k.do("GET", "teams/emea", ""), 200) // none of them did anything
		k.Want(k.do("GET", "teams/apac", ""), 404)
		k.Want(k.do("GET", "teams/emea", "", header(int64(now))...), 200)
		k.Want(k.do("DELETE", "teams/emea", "", header(int64(now))...), 200)
	})
}
