package app_test

import (
	"bytes"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"rolegate/internal/audit"
	"rolegate/internal/audit/tree"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// entryOf is the entry that an answer says it has; false where it says none.
func entryOf(k *testkit.Kit, a testkit.Answer) (leaf audit.Leaf, there bool) {
	k.T.Helper()
	text, hash := a.Header.Get("Audit-Index"), a.Header.Get("Audit-Leaf-Hash")
	if text == "" && hash == "" {
		return leaf, false
	}
	index, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		k.T.Fatal(err)
	}
	leaves, err := k.App.Store.LeavesFrom(ctx, index, 1)
	if err != nil || len(leaves) != 1 {
		k.T.Fatalf("entry %d: %d, %v", index, len(leaves), err)
	}
	if want, err := base64.StdEncoding.DecodeString(hash); err != nil || !bytes.Equal(tree.LeafHash(leaves[0]), want) {
		k.T.Errorf("entry %d has another hash than %q (%v)", index, hash, err)
	}
	if leaf, err = audit.Decode(leaves[0]); err != nil {
		k.T.Fatal(err)
	}
	return leaf, true
}

// Each answer of a decision route to a client says which entry it has, whatever it
// says; one without a valid client says nothing of the log.
func TestEveryDecisionHasItsReceipt(t *testing.T) {
	k := testkit.New(t)
	office(k)
	alice := k.MustEnrol("alice", "sales-rep")
	asks := k.TokenFor("asks", k.AddClient(model.Client{ID: "asks", Tenant: model.DefaultTenant, Scopes: []string{"decide", "explain"}}))
	question := func(id string) map[string]any {
		return map[string]any{"subject": map[string]any{"type": "user", "id": "alice"}, "action": map[string]any{"name": "read"},
			"resource": map[string]any{"type": "contact", "id": id}}
	}
	without := func(member string) map[string]any {
		q := question("17")
		q[member] = map[string]any{"type": q[member].(map[string]any)["type"]}
		return q
	}
	actions := question("17")
	delete(actions, "action")
	list := question("17")
	list["resource"] = map[string]any{"type": "contact"}
	forward := func(token, uri string) func(string) testkit.Answer {
		return func(client string) testkit.Answer {
			req, err := http.NewRequest(http.MethodGet, k.URL+"/v1/forward-auth", nil)
			if err != nil {
				t.Fatal(err)
			}
			if client != "" {
				req.Header.Set("Rolegate-Client-Authorization", "Bearer "+client)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("X-Forwarded-Method", "GET")
			req.Header.Set("X-Forwarded-Uri", uri)
			return k.Send(req)
		}
	}
	post := func(path string, body any) func(string) testkit.Answer {
		return func(client string) testkit.Answer { return k.Post(path, client, body) }
	}
	get := func(path string) func(string) testkit.Answer {
		return func(client string) testkit.Answer { return getAs(k, path, client) }
	}
	for name, c := range map[string]struct {
		ask      func(client string) testkit.Answer
		status   int
		activity audit.Activity
		outcome  audit.Outcome
	}{
		"allowed":             {post("/access/v1/evaluation", question("17")), 200, audit.Evaluated, audit.OutcomeAllow},
		"denied":              {post("/access/v1/evaluation", question("18")), 200, audit.Evaluated, audit.OutcomeDeny},
		"not understood":      {post("/access/v1/evaluation", map[string]any{}), 400, audit.RequestFailed, audit.OutcomeDeny},
		"a batch":             {post("/access/v1/evaluations", map[string]any{"evaluations": []any{question("17"), question("18")}}), 200, "", ""},
		"who":                 {post("/access/v1/search/subject", without("subject")), 200, "", ""},
		"which":               {post("/access/v1/search/resource", without("resource")), 200, "", ""},
		"what":                {post("/access/v1/search/action", actions), 200, "", ""},
		"a filter":            {post("/v1/filter", list), 200, "", ""},
		"permissions":         {get("/v1/permissions?subject=user:alice"), 200, "", ""},
		"an explanation":      {post("/v1/explain", question("18")), 200, "", ""},
		"a proxy's, allowed":  {forward(alice.Access, "/api/contacts/17"), 200, "", audit.OutcomeAllow},
		"a proxy's, denied":   {forward(alice.Access, "/api/contacts/18"), 403, "", audit.OutcomeDeny},
		"a proxy's, stranger": {forward("nonsense", "/api/contacts/17"), 401, audit.RequestFailed, audit.OutcomeDeny},
	} {
		a := c.ask(asks)
		leaf, there := entryOf(k, a)
		if a.Status != c.status || !there || leaf.Class != audit.ClassDecision || c.activity != "" && leaf.Activity != c.activity || c.outcome != "" && leaf.Outcome != c.outcome {
			t.Errorf("%s: %d %s, recorded as %+v", name, a.Status, a.Raw, leaf)
		}
		if a := c.ask(""); a.Status != 401 || a.Header["Audit-Index"] != nil {
			t.Errorf("%s, without a client: %d %v", name, a.Status, slices.Sorted(maps.Keys(a.Header)))
		}
	}
}

// Of denials that come in a flood, those that are counted have no entry of their own
// and say none.
func TestCountedDenialsHaveNoReceipt(t *testing.T) {
	k := testkit.New(t)
	crm := k.ClientToken("crm")
	for n := range 2000 {
		a := k.Evaluate(crm, "nobody", "read", "contact", nil)
		if leaf, there := entryOf(k, a); !there {
			if n < 300 || a.Body["decision"] != false {
				t.Errorf("the %dth: %s", n, a.Raw)
			}
			return
		} else if leaf.Count > 1 {
			t.Fatalf("an answer points to a count: %+v", leaf)
		}
	}
	t.Error("2,000 denials, and each has its entry")
}
