package requirements

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	requires(4, "Each entry has its time, whom it is about, what was done, the result and the source; a denial its reason, a decision its rule and policy.", checkR4)
}

// R4 (GB/T 22239 8.1.4.3 b): a story in which everybody does something, that goes
// well and that does not, and every leaf it leaves.
func checkR4(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		began := k.Now()
		leaves := k.Recorded(func() { tellR4(k) })
		ended := k.Now()
		seen := map[audit.Activity]bool{}
		for i, l := range leaves {
			seen[l.Activity] = true
			for what, missing := range lacking(l, began, ended) {
				if missing {
					t.Errorf("%d %s %s: %s: %+v", i, l.Activity, cmp.Or(l.Code, "-"), what, l)
				}
			}
		}
		for _, a := range []audit.Activity{
			audit.UserCreated, audit.InviteAccepted, audit.InviteFailed, audit.EnrolStarted, audit.EnrolConfirmed, audit.PasswordPassed, audit.PasswordFailed,
			audit.LoginSucceeded, audit.OTPFailed, audit.TokenRefreshed, audit.RefreshFailed, audit.LoggedOut, audit.SteppedUp, audit.ClientCreated, audit.ClientToken, audit.ClientFailed,
			audit.Evaluated, audit.EvaluatedBatch, audit.SearchedSubject, audit.SearchedResource, audit.SearchedAction, audit.Explained,
			audit.ShownPermissions, audit.Filtered, audit.SubjectPut, audit.ResourcePut, audit.DirectoryRead, audit.RequestFailed,
		} {
			if !seen[a] {
				t.Errorf("the story has no %s", a)
			}
		}
	})
}

// tellR4 is the story.
func tellR4(k *testkit.Kit) {
	post, entity := k.Post, func(typ, id string) map[string]any { return map[string]any{"type": typ, "id": id} }
	ann := k.MustEnrol("ann", "sales-rep")
	k.Invite("bob", "sales-rep")
	post("/v1/invite/accept", "", map[string]any{"invite": "no invitation", "password": testkit.Password})
	post("/v1/login", "", map[string]any{"username": "ann", "password": "not hers"})
	post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("ann"), "code": "000000"})
	k.Login(ann)
	post("/v1/step-up", ann.Access, map[string]any{"code": k.NextCode(ann)})
	k.Login(ann)
	if a := post("/v1/token/refresh", "", map[string]any{"refresh_token": ann.Refresh}); a.Status == http.StatusOK {
		ann.Access, ann.Refresh = a.Text("access_token"), a.Text("refresh_token")
	}
	post("/v1/token/refresh", "", map[string]any{"refresh_token": "none of ours"})

	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide", "explain", "directory"}})
	k.AskToken("crm", "not its own")
	crm := k.TokenFor("crm", secret)
	put := func(path string, body any) {
		req := k.Request(path, crm, body)
		req.Method = http.MethodPut
		k.Send(req)
	}
	put("/v1/admin/resources/contact/17", map[string]any{"attributes": map[string]any{"owner": "ann"}})
	put("/v1/admin/subjects/user/eve", map[string]any{"attributes": map[string]any{}})
	req := k.Request("/v1/admin/subjects/user/eve", crm, nil)
	req.Method = http.MethodGet
	k.Send(req)

	own, others := map[string]any{"owner": "ann"}, map[string]any{"owner": "bob"}
	k.Evaluate(crm, "ann", "read", "contact", own)
	k.Evaluate(crm, "ann", "read", "contact", others)
	k.Evaluate(crm, "ann", "export", "contact", own)
	k.Evaluate(crm, "nobody", "read", "contact", own)
	k.Evaluate(crm, "ann", "burn", "contact", own)
	k.Evaluate(crm, "ann", "read", "contact", own, "access_token", "forged")
	question := func(id string) map[string]any {
		return map[string]any{"subject": entity("user", "ann"), "action": map[string]any{"name": "read"}, "resource": entity("contact", id)}
	}
	post("/access/v1/evaluations", crm, map[string]any{"evaluations": []any{question("17"), question("18"), map[string]any{"subject": "no entity"}}})
	for _, search := range []string{"subject", "resource", "action"} {
		q := question("17")
		switch search {
		case "subject":
			q["subject"] = map[string]any{"type": "user"}
		case "resource":
			q["resource"] = map[string]any{"type": "contact"}
		case "action":
			delete(q, "action")
		}
		k.Want(post("/access/v1/search/"+search, crm, q), 200)
	}
	q := question("17")
	k.Want(post("/v1/explain", crm, q), 200)
	q["resource"] = map[string]any{"type": "contact"}
	k.Want(post("/v1/filter", crm, q), 200)
	for _, path := range []string{"/v1/permissions?subject=user:ann", "/v1/permissions?subject=user:nobody"} {
		req := k.Request(path, crm, nil)
		req.Method = http.MethodGet
		k.Send(req)
	}
	for _, target := range []string{"/api/contacts/17", "/admin"} {
		req := k.Request("/v1/forward-auth", ann.Access, nil)
		req.Method = http.MethodGet
		req.Header.Set("Rolegate-Client-Authorization", "Bearer "+crm)
		req.Header.Set("X-Forwarded-Method", "GET")
		req.Header.Set("X-Forwarded-Uri", target)
		k.Send(req)
	}
	post("/access/v1/evaluation", crm, "no object")
	post("/access/v1/evaluation", "no token", question("17"))
	post("/v1/logout", ann.Access, map[string]any{})
}

// lacking says what a leaf should have and has not.
func lacking(l audit.Leaf, began, ended time.Time) map[string]bool {
	served := l.Actor != string(model.CallerSystem) && l.Actor != string(model.CallerOperator)
	decision := strings.HasPrefix(string(l.Activity), "authz_")
	rule := l.Code == model.ReasonAllowed || l.Code == model.ReasonDenied || l.Code == model.ReasonRestricted
	lacks := map[string]bool{
		"a time of the story":      l.Time < began.UnixMicro() || l.Time > ended.UnixMicro(),
		"the activity":             l.Activity == "",
		"a class":                  !slices.Contains([]audit.Class{audit.ClassLogin, audit.ClassDecision, audit.ClassAdmin, audit.ClassSystem}, l.Class),
		"a result":                 !slices.Contains([]audit.Outcome{audit.OutcomeOK, audit.OutcomeAllow, audit.OutcomeDeny, audit.OutcomeError}, l.Outcome),
		"the reason of a no":       (l.Outcome == audit.OutcomeDeny || l.Outcome == audit.OutcomeError) && l.Code == "",
		"who, by kind":             l.Actor == "",
		"the process, by number":   len(l.Source) != 8 || l.Seq < 1,
		"the request":              served && l.Request == "",
		"whom, and where from":     served && len(l.Segments) == 0,
		"the policy of a decision": decision && (len(l.PolicyHash) != 32 || l.Revision < 1),
		"the rule of a decision":   decision && rule && len(l.Items) == 0 && l.Activity != audit.ShownPermissions && l.Rule == "",
	}
	for _, item := range l.Items {
		lacks["the result of a member"] = lacks["the result of a member"] || item.Outcome != audit.OutcomeAllow && item.Outcome != audit.OutcomeDeny
		lacks["the reason of a member"] = lacks["the reason of a member"] || item.Code == ""
		lacks["the rule of a member"] = lacks["the rule of a member"] || item.Outcome == audit.OutcomeAllow && item.Rule == ""
	}
	return lacks
}
