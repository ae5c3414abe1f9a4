package checklist

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(90, "A refresh gives a new pair, and the old refresh token is used up.", refreshRotates)
	holds(91, "A used refresh token after its ten seconds ends the family and its access tokens, with a record, a metric and a line for the alert.", reuseEndsFamily)
	holds(92, "Ten refreshes at once with one token, on two replicas, get one successor, and nobody is logged out.", parallelRefreshes)
	holds(93, "A refresh token whose successor was used ends the family, also within the ten seconds.", grandparentEndsFamily)
	holds(94, "A refresh is refused once the user or tenant is disabled, sessions were ended, or a second factor is required that the session lacks; a role that was taken away is felt by the next decision.", refreshLooksAgain)
	holds(95, "A person's refresh token is of no use to a client.", refreshIsFirstParty)
	holds(96, "A refresh leaves `acr`, `amr`, `auth_time` and `sid` as they are, whatever happened since.", refreshRaisesNothing)
	holds(97, "Neither the idle nor the absolute limit of a session can be refreshed past.", refreshLimits)
}

func refresh(k *testkit.Kit, token string) testkit.Answer {
	k.T.Helper()
	return k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": token})
}

// lives tells whether a person's access token is good on its own routes and in a
// decision; the two must agree.
func lives(k *testkit.Kit, client string, p *testkit.Person) bool {
	k.T.Helper()
	own := k.Call("GET", "/v1/me/sessions", p.Access, nil).Status
	a := k.Evaluate(client, p.ID, "read", "contact", map[string]any{"owner": p.ID}, "access_token", p.Access)
	switch {
	case own == 200 && a.Code() == "allowed":
		return true
	case own == 401 && a.Code() == "session_invalid":
		return false
	}
	k.T.Errorf("own routes answer %d, and the decision %s", own, a.Raw)
	return false
}

func refreshRotates(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		ann := k.MustEnrol("ann", "sales-rep")
		a := refresh(k, ann.Refresh)
		k.Want(a, 200, "status", "ok")
		if a.Text("refresh_token") == ann.Refresh || a.Text("access_token") == ann.Access || a.Text("refresh_token") == "" {
			t.Error("not a new pair")
		}
		k.Advance(10*time.Second + aMoment)
		k.Want(refresh(k, ann.Refresh), 401, "code", "token_invalid")
	})
}

func reuseEndsFamily(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		k.StandStill()
		ann := k.MustEnrol("ann", "sales-rep")
		client := k.ClientToken("crm")
		first := *ann
		a := refresh(k, ann.Refresh)
		ann.Access, ann.Refresh = a.Text("access_token"), a.Text("refresh_token")
		k.Advance(10*time.Second - aMoment)
		if again := refresh(k, first.Refresh); again.Text("refresh_token") != ann.Refresh {
			t.Fatalf("within the grace the successor is another: %s", again.Raw)
		}
		if !lives(k, client, ann) {
			t.Fatal("the grace logs people out")
		}
		k.Advance(2 * aMoment)
		records := recorded(k, func() { k.Want(refresh(k, first.Refresh), 401, "code", "token_invalid") })
		if !slices.Equal(records, []string{"authn_token_reuse deny"}) {
			t.Errorf("records: %q", records)
		}
		if lives(k, client, ann) || lives(k, client, &first) {
			t.Error("an access token of the family lives")
		}
		k.Want(refresh(k, ann.Refresh), 401)
		if !strings.Contains(k.Logs.String(), "came back after its use") {
			t.Error("the log says nothing")
		}
		resp, err := http.Get(k.Admin + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		metrics, err := io.ReadAll(resp.Body)
		if err != nil || !strings.Contains(string(metrics), "rolegate_refresh_reuse_total 1\n") {
			t.Errorf("the metric has not moved, %v", err)
		}
	})
}

func parallelRefreshes(t *testing.T) {
	ks := testkit.StartReplicas(t, 2)
	ann := ks[0].MustEnrol("ann", "sales-rep")
	client := ks[0].ClientToken("crm")
	var wg sync.WaitGroup
	start := make(chan struct{})
	answers := make([]testkit.Answer, 10)
	for i := range answers {
		wg.Go(func() {
			req := ks[i%2].Request("/v1/token/refresh", "", map[string]any{"refresh_token": ann.Refresh})
			<-start
			var err error
			if answers[i], err = testkit.Do(req); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
	for _, a := range answers {
		if a.Status != 200 || a.Text("refresh_token") != answers[0].Text("refresh_token") {
			t.Fatalf("%d %s", a.Status, a.Raw)
		}
		for _, k := range ks {
			if !lives(k, client, &testkit.Person{ID: "ann", Access: a.Text("access_token")}) {
				t.Fatal("an access token of the ten is dead")
			}
		}
	}
	list := ks[1].Call("GET", "/v1/me/sessions", answers[0].Text("access_token"), nil)
	if sessions, _ := list.Body["sessions"].([]any); len(sessions) != 1 {
		t.Errorf("%d sessions", len(sessions))
	}
	ks[1].Want(refresh(ks[1], answers[3].Text("refresh_token")), 200)
}

func grandparentEndsFamily(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		ann := k.MustEnrol("ann", "sales-rep")
		client := k.ClientToken("crm")
		child := refresh(k, ann.Refresh)
		grandchild := refresh(k, child.Text("refresh_token"))
		k.Want(grandchild, 200)
		ann.Access = grandchild.Text("access_token")
		if !lives(k, client, ann) {
			t.Fatal("two refreshes end a session")
		}
		k.Want(refresh(k, ann.Refresh), 401, "code", "token_invalid")
		if lives(k, client, ann) {
			t.Error("the family lives")
		}
		k.Want(refresh(k, grandchild.Text("refresh_token")), 401)
	})
}

func refreshLooksAgain(t *testing.T) {
	yes := true
	for name, c := range map[string]struct {
		happens func(k *testkit.Kit)
		enrols  bool // ann has a device
		refused bool
	}{
		"nothing":                     {func(*testkit.Kit) {}, false, false},
		"disabled":                    {func(k *testkit.Kit) { disable(k, "ann", true) }, false, true},
		"disabled and enabled again":  {func(k *testkit.Kit) { disable(k, "ann", true); disable(k, "ann", false) }, false, true},
		"disabled, with a device":     {func(k *testkit.Kit) { disable(k, "ann", true) }, true, true},
		"a role asks":                 {func(k *testkit.Kit) { assign(k, "ann", "lead", true) }, false, true},
		"a role asks, it was given":   {func(k *testkit.Kit) { assign(k, "ann", "lead", true) }, true, false},
		"a role that does not ask":    {func(k *testkit.Kit) { assign(k, "ann", "clerk", false) }, false, false},
		"an office":                   {func(k *testkit.Kit) { assign(k, "ann", model.AuditAdmin, false) }, false, true},
		"the tenant asks":             {func(k *testkit.Kit) { setMFA(k, model.MFAEveryone) }, false, true},
		"the tenant asks, it was":     {func(k *testkit.Kit) { setMFA(k, model.MFAEveryone) }, true, false},
		"the tenant is disabled":      {func(k *testkit.Kit) { tenantOff(k, yes) }, false, true},
		"deleted from the directory":  {func(k *testkit.Kit) { forget(k, "ann") }, false, true},
		"a device enrolled elsewhere": {func(k *testkit.Kit) { k.FinishEnrolment("ann", enrolmentTicket(k, "ann")) }, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			k := testkit.New(t)
			byRole(k)
			var ann *testkit.Person
			if c.enrols {
				setMFA(k, model.MFAEveryone)
				ann = k.MustEnrol("ann", "sales-rep")
				byRole(k)
			} else {
				ann = accept(k, "ann", "sales-rep")
			}
			c.happens(k)
			want := 200
			if c.refused {
				want = 401
			}
			k.Want(refresh(k, ann.Refresh), want)
			if c.refused {
				k.Want(refresh(k, ann.Refresh), want)
			}
		})
	}
	t.Run("a role is taken away", func(t *testing.T) {
		k := testkit.New(t)
		ann := k.MustEnrol("ann", "sales-rep")
		client := k.ClientToken("crm")
		unassign(k, "ann", "sales-rep")
		a := refresh(k, ann.Refresh)
		k.Want(a, 200)
		d := k.Evaluate(client, "ann", "read", "contact", map[string]any{"owner": "ann"}, "access_token", a.Text("access_token"))
		if d.Code() != "not_granted" {
			t.Errorf("with the new token: %s", d.Raw)
		}
	})
}

// enrolmentTicket gets a person without a device a ticket to enrol one.
func enrolmentTicket(k *testkit.Kit, id string) string {
	k.T.Helper()
	setMFA(k, model.MFAEveryone)
	a := passwordStep(k, id)
	k.Want(a, 200, "status", "enrolment_required")
	byRole(k)
	return a.Text("ticket")
}

func tenantOff(k *testkit.Kit, off bool) {
	k.T.Helper()
	if _, err := app.SetTenant.Run(context.Background(), k.App, testkit.Operator, app.TenantRequest{Tenant: model.DefaultTenant, Disabled: &off}); err != nil {
		k.T.Fatal(err)
	}
}

func unassign(k *testkit.Kit, user, role string) {
	k.T.Helper()
	r := app.RoleRequest{Tenant: model.DefaultTenant, Role: role, Member: "user:" + user}
	if _, err := app.Unassign.Run(context.Background(), k.App, testkit.Operator, r); err != nil {
		k.T.Fatal(err)
	}
}

// forget takes a user out of the directory, as a CRM does over HTTP.
func forget(k *testkit.Kit, user string) {
	k.T.Helper()
	secret := k.AddClient(model.Client{ID: "hr", Tenant: model.DefaultTenant, Scopes: []string{"directory"}})
	a := k.Call("DELETE", "/v1/admin/subjects/user/"+user, k.TokenFor("hr", secret), nil)
	if a.Status/100 != 2 {
		k.T.Fatalf("delete the subject: %d %s", a.Status, a.Raw)
	}
}

func refreshIsFirstParty(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann", "sales-rep")
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	req := k.Request("/oauth2/token", "", nil)
	req.Body = io.NopCloser(strings.NewReader("grant_type=refresh_token&refresh_token=" + ann.Refresh))
	req.ContentLength = -1
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("crm", secret)
	if a := k.Send(req); a.Status != 400 || a.Text("error") != "unsupported_grant_type" {
		t.Errorf("%d %s", a.Status, a.Raw)
	}
	if a := k.Call("GET", "/v1/me/sessions", ann.Refresh, nil); a.Status != 401 {
		t.Errorf("as an access token it answers %d", a.Status)
	}
	k.Want(refresh(k, ann.Access), 401)
	k.Want(refresh(k, ann.Refresh), 200) // and was not used up by that
}

func refreshRaisesNothing(t *testing.T) {
	k := testkit.New(t)
	byRole(k)
	ann := accept(k, "ann", "sales-rep")
	bob := func() *testkit.Person {
		setMFA(k, model.MFAEveryone)
		defer byRole(k)
		return k.MustEnrol("bob", "sales-rep")
	}()
	for _, p := range []*testkit.Person{ann, bob} {
		before := testkit.Claims(t, p.Access)
		for range 3 {
			k.Advance(5 * time.Minute)
			a := refresh(k, p.Refresh)
			k.Want(a, 200)
			p.Refresh = a.Text("refresh_token")
			after := testkit.Claims(t, a.Text("access_token"))
			for _, c := range []string{"acr", "amr", "auth_time", "sid", "sub", "tenant"} {
				if fmt.Sprint(before[c]) != fmt.Sprint(after[c]) {
					t.Errorf("%s: %s was %v and is %v", p.ID, c, before[c], after[c])
				}
			}
		}
	}
}

func refreshLimits(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_SESSION_IDLE=30m", "ROLEGATE_SESSION_MAX=2h")
	ann := k.MustEnrol("ann", "sales-rep")
	k.Advance(29 * time.Minute)
	a := refresh(k, ann.Refresh)
	k.Want(a, 200)
	k.Advance(31 * time.Minute)
	k.Want(refresh(k, a.Text("refresh_token")), 401)

	k.Login(ann)
	began := k.Now()
	for k.Now().Sub(began) < 110*time.Minute {
		k.Advance(10 * time.Minute)
		a := refresh(k, ann.Refresh)
		k.Want(a, 200)
		ann.Access, ann.Refresh = a.Text("access_token"), a.Text("refresh_token")
	}
	if exp := int64(testkit.Claims(t, ann.Access)["exp"].(float64)); exp > began.Add(2*time.Hour+aMoment).Unix() {
		t.Error("the access token outlives the session")
	}
	k.Advance(9*time.Minute + 30*time.Second)
	client := k.ClientToken("crm")
	if !lives(k, client, ann) {
		t.Error("dead before its absolute limit")
	}
	k.Advance(time.Minute)
	k.Want(refresh(k, ann.Refresh), 401)
	if lives(k, client, ann) {
		t.Error("alive after its absolute limit")
	}
}
