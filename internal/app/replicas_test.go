package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// reads asks a replica whether somebody may read her own contact; the answer
// must be one.
func reads(t testing.TB, k *testkit.Kit, client, user string, context ...any) (allowed bool, revision float64) {
	t.Helper()
	allowed, revision, a, err := asks(k, client, user, context...)
	if err != nil || a.Status != 200 {
		t.Errorf("%s: %v %d %s", user, err, a.Status, a.Raw)
	}
	return allowed, revision
}

// asks is reads where there may be no answer, such as on a machine that is too
// busy to keep up.
func asks(k *testkit.Kit, client, user string, context ...any) (allowed bool, revision float64, a testkit.Answer, err error) {
	q := map[string]any{"subject": map[string]any{"type": "user", "id": user}, "action": map[string]any{"name": "read"},
		"resource": map[string]any{"type": "contact", "id": "1", "properties": map[string]any{"owner": "user:" + user}}}
	if len(context) > 0 {
		q["context"] = map[string]any{context[0].(string): context[1]}
	}
	a, err = testkit.Do(k.Request("/access/v1/evaluation", client, q))
	if err != nil || a.Status != 200 {
		return false, 0, a, err
	}
	revision, _ = a.Body["context"].(map[string]any)["revision"].(float64)
	return a.Body["decision"] == true, revision, a, nil
}

// underLoad asks all replicas about alice until the test ends, and gives back
// the counts of answers.
func underLoad(t *testing.T, ks []*testkit.Kit, client string) *atomic.Int64 {
	t.Helper()
	var answers atomic.Int64
	ctx, cancel := context.WithCancel(context.Background())
	var workers sync.WaitGroup
	for _, k := range ks {
		for range 2 {
			workers.Go(func() {
				for ctx.Err() == nil {
					if _, _, a, err := asks(k, client, "alice"); err == nil && a.Status == 200 {
						answers.Add(1)
					}
				}
			})
		}
	}
	t.Cleanup(func() { cancel(); workers.Wait() })
	return &answers
}

// With the durable log, what is taken away on one replica is felt by the next
// decision on every other, under load and whatever it was that was taken.
func TestRevocationIsFeltOnEveryReplica(t *testing.T) {
	ks := testkit.StartReplicas(t, 3)
	first := ks[0]
	first.MustEnrol("alice", "sales-rep")
	client := first.ClientToken("crm")
	answers := underLoad(t, ks, client)
	role := app.RoleRequest{Tenant: model.DefaultTenant, Member: "alice", Role: "sales-rep"}
	for round := range 12 {
		writer := ks[round%len(ks)]
		var take, give func() (app.Change, error)
		what := []string{"a role", "an account"}[round/len(ks)%2]
		switch what {
		case "a role":
			take = func() (app.Change, error) { return app.Unassign.Run(ctx, writer.App, testkit.Operator, role) }
			give = func() (app.Change, error) { return app.Assign.Run(ctx, writer.App, testkit.Operator, role) }
		case "an account":
			set := func(disabled bool) func() (app.Change, error) {
				return func() (app.Change, error) {
					return app.SetUserDisabled.Run(ctx, writer.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "alice", Disabled: disabled})
				}
			}
			take, give = set(true), set(false)
		}
		taken, err := take()
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range ks {
			if allowed, revision := reads(t, k, client, "alice"); allowed || int64(revision) < taken.Revision {
				t.Errorf("%s was taken away as revision %d, and replica %d answers %v of revision %v", what, taken.Revision, i, allowed, revision)
			}
		}
		given, err := give()
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range ks {
			if allowed, _ := reads(t, k, client, "alice", "min_revision", given.Revision); !allowed {
				t.Errorf("%s was given back, and replica %d says no", what, i)
			}
		}
	}
	if answers.Load() < 100 {
		t.Errorf("only %d answers: there was no load", answers.Load())
	}
}

// A client, and a session, that end on one replica have ended on all.
func TestEndsAreFeltOnEveryReplica(t *testing.T) {
	ks := testkit.StartReplicas(t, 3)
	alice := ks[0].MustEnrol("alice", "sales-rep")
	client := ks[0].ClientToken("crm")
	proven := func(k *testkit.Kit) bool {
		a := k.Evaluate(client, "alice", "read", "contact", own, "access_token", alice.Access)
		return a.Body["decision"] == true
	}
	for i, k := range ks {
		if !proven(k) {
			t.Fatalf("replica %d does not know alice's token", i)
		}
	}
	out := ks[1].Post("/v1/logout", alice.Access, map[string]any{})
	ks[1].Want(out, 204)
	if now, err := ks[0].App.Store.Tenant(ctx, model.DefaultTenant); err != nil || out.Header.Get("Rolegate-Revision") != fmt.Sprint(now.Revision) {
		t.Errorf("the logout became revision %q, and the tenant is at %d, %v", out.Header.Get("Rolegate-Revision"), now.Revision, err)
	}
	for i, k := range ks {
		if proven(k) {
			t.Errorf("alice has logged out, and replica %d takes her token", i)
		}
	}
	if _, err := app.SetClientDisabled.Run(ctx, ks[2].App, testkit.Operator, app.ClientRequest{Client: model.Client{ID: "crm"}, Disabled: true}); err != nil {
		t.Fatal(err)
	}
	for i, k := range ks {
		a := k.Post("/access/v1/evaluation", client, map[string]any{"subject": map[string]any{"type": "user", "id": "alice"},
			"action": map[string]any{"name": "read"}, "resource": map[string]any{"type": "contact", "id": "1", "properties": own}})
		if a.Status != 401 {
			t.Errorf("the client is disabled, and replica %d answers %d: %s", i, a.Status, a.Raw)
		}
	}
}

// Buffered, a replica may answer from what it knows; whoever demands a revision
// gets it, or no answer.
func TestBufferedReplicasKeepToWhatIsDemanded(t *testing.T) {
	ks := testkit.StartReplicas(t, 2, "ROLEGATE_AUDIT=buffered")
	ks[0].Invite("alice", "sales-rep")
	client := ks[0].ClientToken("crm")
	role := app.RoleRequest{Tenant: model.DefaultTenant, Member: "alice", Role: "sales-rep"}
	for range 10 {
		taken, err := app.Unassign.Run(ctx, ks[0].App, testkit.Operator, role)
		if err != nil {
			t.Fatal(err)
		}
		if allowed, revision := reads(t, ks[1], client, "alice", "min_revision", taken.Revision); allowed || int64(revision) < taken.Revision {
			t.Errorf("revision %d was demanded, and the answer is %v of %v", taken.Revision, allowed, revision)
		}
		given, err := app.Assign.Run(ctx, ks[0].App, testkit.Operator, role)
		if err != nil {
			t.Fatal(err)
		}
		req := ks[1].Request("/access/v1/evaluation", client, map[string]any{"subject": map[string]any{"type": "user", "id": "alice"},
			"action": map[string]any{"name": "read"}, "resource": map[string]any{"type": "contact", "id": "1", "properties": own}})
		req.Header.Set("Rolegate-Min-Revision", fmt.Sprint(given.Revision))
		ks[1].Want(ks[1].Send(req), 200, "decision", true)
	}
	// Without demanding anything it is felt soon.
	taken, err := app.Unassign.Run(ctx, ks[0].App, testkit.Operator, role)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is felt", func() bool {
		allowed, revision := reads(t, ks[1], client, "alice")
		return !allowed && int64(revision) >= taken.Revision
	})
	// A revision nobody has made is waited for, and then told to be none.
	req := ks[1].Request("/access/v1/evaluation", client, map[string]any{"subject": map[string]any{"type": "user", "id": "alice"},
		"action": map[string]any{"name": "read"}, "resource": map[string]any{"type": "contact", "id": "1", "properties": own}})
	req.Header.Set("Rolegate-Min-Revision", fmt.Sprint(taken.Revision+1000))
	began := time.Now()
	a := ks[1].Send(req)
	ks[1].Want(a, 503, "code", "revision_unavailable")
	if took := time.Since(began); took < 500*time.Millisecond || a.Header.Get("Retry-After") != "1" || !strings.Contains(a.Text("detail"), fmt.Sprint(taken.Revision+1000)) {
		t.Errorf("after %v: %v %s", took, a.Header, a.Raw)
	}
}

// With the buffered log it is felt soon under load as well, and never later than
// what a replica knows may be old: after that it refuses.
func TestBufferedRevocationIsFeltSoon(t *testing.T) {
	ks := testkit.StartReplicas(t, 3, "ROLEGATE_AUDIT=buffered")
	ks[0].MustEnrol("alice", "sales-rep")
	client := ks[0].ClientToken("crm")
	answers := underLoad(t, ks, client)
	role := app.RoleRequest{Tenant: model.DefaultTenant, Member: "alice", Role: "sales-rep"}
	var took []time.Duration
	for round := range 30 {
		writer := ks[round%len(ks)].App
		taken, err := app.Unassign.Run(ctx, writer, testkit.Operator, role)
		if err != nil {
			t.Fatal(err)
		}
		acknowledged := time.Now()
		for i, k := range ks {
			eventually(t, "it is felt", func() bool {
				began := time.Since(acknowledged)
				allowed, revision, _, _ := asks(k, client, "alice")
				if allowed && began > store.StaleAfter {
					t.Errorf("asked %v after the role was taken away, replica %d allows", began, i)
				}
				return !allowed && int64(revision) >= taken.Revision
			})
			if i != round%len(ks) {
				took = append(took, time.Since(acknowledged))
			}
		}
		if _, err := app.Assign.Run(ctx, writer, testkit.Operator, role); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(took)
	t.Logf("felt by two others after %v (half of the times), %v (99 of 100), %v at most; %d answers meanwhile",
		took[len(took)/2], took[len(took)*99/100], took[len(took)-1], answers.Load())
}

// Each replica shows how far it is, and that it hears of others.
func TestReplicasShowHowFarTheyAre(t *testing.T) {
	ks := testkit.StartReplicas(t, 2)
	ks[0].Invite("alice", "sales-rep")
	client := ks[0].ClientToken("crm")
	_, revision := reads(t, ks[1], client, "alice")
	for i, k := range ks {
		eventually(t, "it listens", func() bool { return strings.Contains(metrics(t, k), "rolegate_revision_listening 1\n") })
		eventually(t, "it has read lately", func() bool { return strings.Contains(metrics(t, k), "rolegate_revision_age_seconds 0.") })
		text := metrics(t, k)
		for _, want := range []string{"rolegate_revision_read_failures_total 0\n", "rolegate_revision_lag "} {
			if !strings.Contains(text, want) {
				t.Errorf("replica %d: no %q in the metrics", i, want)
			}
		}
	}
	if want := fmt.Sprintf("rolegate_revision_applied{tenant=\"default\"} %v\n", revision); !strings.Contains(metrics(t, ks[1]), want) {
		t.Errorf("no %q", want)
	}
	res, err := http.Get(ks[1].Admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var ready struct {
		Status  string
		Replica struct {
			Feed, Listening bool
			Age             float64 `json:"revision_age_seconds"`
			Revisions       map[string]float64
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&ready); err != nil {
		t.Fatal(err)
	}
	if r := ready.Replica; ready.Status != "ok" || !r.Feed || !r.Listening || r.Age > 2 || r.Revisions["default"] != revision {
		t.Errorf("%+v, want revision %v", ready, revision)
	}

	// Alone on SQLite there is nobody to hear of, and the alert for who does not
	// listen stays silent.
	alone := testkit.New(t)
	if text := metrics(t, alone); !strings.Contains(text, "rolegate_revision_age_seconds 0\n") || strings.Contains(text, "rolegate_revision_listening") {
		t.Error(text)
	}
}

func metrics(t *testing.T, k *testkit.Kit) string {
	t.Helper()
	res, err := http.Get(k.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never happens that %s", what)
		}
	}
}

// The database fails over to a standby that had not got the latest commits. What
// they changed is lost; what replicas remember of them must not pass for what is
// committed now, though the revisions are counted from where the standby was.
func TestFailoverToAStandbyThatWasBehind(t *testing.T) {
	server := pgtest.Start(t)
	ks := testkit.StartReplicasOn(t, 2, server.URL())
	ks[0].Invite("alice", "sales-rep")
	client := ks[0].ClientToken("crm")
	change := func(k *testkit.Kit, op app.Operation[app.RoleRequest, app.Change], role string) int64 {
		t.Helper()
		c, err := op.Run(ctx, k.App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: "alice", Role: role})
		if err != nil {
			t.Fatal(err)
		}
		return c.Revision
	}
	server.Save()
	var lost int64
	eventually(t, "the database is back", func() bool {
		c, err := app.Assign.Run(ctx, ks[0].App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: "alice", Role: "support"})
		lost = c.Revision
		return err == nil
	})
	answered := func(k *testkit.Kit) (allowed bool, revision int64) {
		eventually(t, "it answers", func() bool { // its old connections have to break first
			is, of, a, err := asks(k, client, "alice")
			allowed, revision = is, int64(of)
			return err == nil && a.Status == 200
		})
		return allowed, revision
	}
	for _, k := range ks {
		if allowed, revision := answered(k); !allowed || revision != lost {
			t.Fatalf("%v of revision %v, want %d", allowed, revision, lost)
		}
	}
	server.Restore()
	var taken int64
	eventually(t, "the standby takes writes", func() bool {
		c, err := app.Unassign.Run(ctx, ks[0].App, testkit.Operator, app.RoleRequest{Tenant: model.DefaultTenant, Member: "alice", Role: "sales-rep"})
		taken = c.Revision
		return err == nil
	})
	for i, k := range ks {
		allowed, revision := answered(k)
		if allowed || revision < taken {
			t.Errorf("replica %d answers %v of revision %v; the role was taken away as %d", i, allowed, revision, taken)
		}
	}
	if taken <= lost {
		t.Errorf("revision %d is lost, and %d was given after it", lost, taken)
	}
	if again := change(ks[1], app.Assign, "sales-rep"); again != taken+1 {
		t.Errorf("revision %d follows %d: the jump is made once", again, taken)
	}
	if allowed, _ := reads(t, ks[0], client, "alice"); !allowed {
		t.Error("what was given back is not felt")
	}
}

// Which policy each replica decides by is told by any of them, of those that run: one
// that nobody asks follows by itself.
func TestReplicasTellWhatTheyApply(t *testing.T) {
	ks := testkit.StartReplicas(t, 2)
	c := changingOf(t, ks[0])
	reads(t, ks[1], c.crm, "person-sales-rep") // has the tenant in memory now, and is not asked again
	path, version := c.begun("Reps delete", repsDelete, "")
	for _, act := range []struct {
		by   *testkit.Person
		name string
	}{{c.sec, "submit"}, {c.aud, "approve"}, {c.sec, "publish"}} {
		var body any
		if act.name != "submit" {
			body = map[string]any{}
		}
		a := c.at(act.by, "POST", path+"/"+act.name, version, body)
		c.Want(a, 200)
		version = a.Header.Get("ETag")
		if act.name == "publish" {
			path = fmt.Sprintf("/v1/admin/policy/revisions/%v", a.Body["revision"])
		}
	}
	applied := func(of *testkit.Kit) testkit.Answer {
		a := of.Call("GET", path+"/applied", c.aud.Access, nil)
		of.Want(a, 200)
		return a
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if a := applied(ks[0]); a.Body["applied"] == 2.0 && a.Body["behind"] == 0.0 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%s", a.Raw)
		}
	}
	if got := metrics(t, ks[1]); !strings.Contains(got, "rolegate_policy_applied{tenant=\"default\"} "+path[strings.LastIndex(path, "/")+1:]+"\n") {
		t.Error("the second replica's metrics do not tell the revision")
	}
	c.Want(c.Call("GET", "/v1/admin/policy/revisions/999999/applied", c.aud.Access, nil), 404)
	ks[1].Stop()
	if a := applied(ks[0]); a.Body["applied"] != 1.0 || len(a.Body["replicas"].([]any)) != 1 {
		t.Errorf("with the second one stopped: %s", a.Raw)
	}
}
