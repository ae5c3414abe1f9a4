package testkit

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/pquerna/otp/totp"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/model"
)

// Call sends a request of any method with a bearer token ("" for none), and JSON
// unless body is nil.
func (k *Kit) Call(method, path, bearer string, body any) Answer {
	k.T.Helper()
	var b []byte
	if body != nil {
		var err error
		if b, err = json.Marshal(body); err != nil {
			k.T.Fatal(err)
		}
	}
	req, err := http.NewRequest(method, k.URL+path, bytes.NewReader(b))
	if err != nil {
		k.T.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return k.Send(req)
}

// CodeAt is what a device shows so much later, or earlier, than the service's time.
func (k *Kit) CodeAt(secret string, later time.Duration) string {
	k.T.Helper()
	code, err := totp.GenerateCode(secret, k.Now().Add(later))
	if err != nil {
		k.T.Fatal(err)
	}
	return code
}

// Oathtool is CodeAt by the OATH Toolkit, which shares no code with the service.
func (k *Kit) Oathtool(secret string, later time.Duration) string {
	k.T.Helper()
	at := k.Now().Add(later).UTC().Format("2006-01-02 15:04:05 UTC")
	out, err := exec.Command("oathtool", "--totp", "--base32", "--now", at, secret).Output()
	if err != nil {
		k.T.Fatalf("oathtool (Debian package oathtool): %v", err)
	}
	return strings.TrimSpace(string(out))
}

// MidStep moves the service's clock to the middle of a time step that nobody has
// used a code of, so that what a test does next happens within one.
func (k *Kit) MidStep() {
	k.T.Helper()
	now := k.Now()
	k.Advance(now.Truncate(30 * time.Second).Add(4*30*time.Second + 10*time.Second).Sub(now))
}

// Device is another authenticator of a person's.
type Device struct{ ID, Secret string }

// AddDevice adds a confirmed device in the person's session, which must be fresh.
func (k *Kit) AddDevice(p *Person, name string) Device {
	k.T.Helper()
	a := k.Post("/v1/me/devices", p.Access, map[string]any{"name": name})
	k.Want(a, 200)
	d := Device{ID: a.Text("device_id"), Secret: a.Text("secret")}
	k.Want(k.Post("/v1/me/devices/"+d.ID+"/confirm", p.Access, map[string]any{"code": k.CodeAt(d.Secret, 0)}), 200)
	return d
}

// DeviceIDs are the person's devices, oldest first.
func (k *Kit) DeviceIDs(p *Person) (ids []string) {
	k.T.Helper()
	a := k.Call("GET", "/v1/me/devices", p.Access, nil)
	k.Want(a, 200)
	for _, d := range a.Body["devices"].([]any) {
		ids = append(ids, d.(map[string]any)["id"].(string))
	}
	return ids
}

// StepUp proves a fresh code in the person's session and goes on with the new one.
func (k *Kit) StepUp(p *Person) {
	k.T.Helper()
	a := k.Post("/v1/step-up", p.Access, map[string]any{"code": k.NextCode(p)})
	k.Want(a, 200, "status", "ok")
	p.Access, p.Refresh = a.Text("access_token"), a.Text("refresh_token")
}

// Relaxed lets people of the default tenant log in by their password alone,
// unless a role of theirs wants more.
func (k *Kit) Relaxed() {
	k.T.Helper()
	byRole := model.MFAByRole
	if _, err := app.SetTenant.Run(context.Background(), k.App, Operator, app.TenantRequest{Tenant: model.DefaultTenant, MFA: &byRole, Reason: "a test of it"}); err != nil {
		k.T.Fatal(err)
	}
}

// PasswordOnly makes a person without a second factor; the tenant must be Relaxed.
func (k *Kit) PasswordOnly(id string, roles ...string) *Person {
	k.T.Helper()
	a := k.Post("/v1/invite/accept", "", map[string]any{"invite": k.Invite(id, roles...), "password": Password})
	k.Want(a, 200, "status", "ok")
	return &Person{ID: id, Access: a.Text("access_token"), Refresh: a.Text("refresh_token")}
}

// Together sends the requests at once and gives the answers.
func (k *Kit) Together(requests ...*http.Request) []Answer {
	k.T.Helper()
	answers := make([]Answer, len(requests))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i, req := range requests {
		wg.Go(func() {
			<-start
			a, err := Do(req)
			if err != nil {
				k.T.Error(err)
			}
			answers[i] = a
		})
	}
	close(start)
	wg.Wait()
	return answers
}

// Statuses counts answers by status.
func Statuses(answers []Answer) map[int]int {
	n := map[int]int{}
	for _, a := range answers {
		n[a.Status]++
	}
	return n
}

// Noted is an entry of the log, with what is sealed for one person.
type Noted struct {
	audit.Leaf
	Personal map[string]any // nil where nothing in the entry is of this person
}

// Noted gives the entries that f leaves, as far as they are about a user or about
// nobody who is known.
func (k *Kit) Noted(user string, f func()) []Noted {
	k.T.Helper()
	var out []Noted
	for _, e := range audittest.Left(k.T, k.App.Store, f) {
		personal, _ := audittest.Unseal(context.Background(), k.App.Log, e, "user:"+user)
		out = append(out, Noted{e.Leaf, personal})
	}
	return out
}

// WantNoted holds f to leave exactly one entry, of an activity, an outcome, and
// about the user; it returns what the entry seals.
func (k *Kit) WantNoted(user string, activity audit.Activity, outcome audit.Outcome, f func()) map[string]any {
	k.T.Helper()
	got := k.Noted(user, f)
	if len(got) != 1 || got[0].Activity != activity || got[0].Outcome != outcome || got[0].Personal == nil {
		k.T.Errorf("the log has %+v, want one entry %s %s of %s", got, activity, outcome, user)
		return nil
	}
	return got[0].Personal
}
