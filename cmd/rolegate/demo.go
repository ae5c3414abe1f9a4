package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
	"rolegate/internal/directory"
	"rolegate/model"
)

func (c *cli) demo() *cobra.Command {
	return &cobra.Command{
		Use: "demo", Short: "play the whole story on a throw-away database over real HTTP", Args: cobra.NoArgs,
		Long: `Starts a service on a throw-away database and a free port, and plays the story over
HTTP: invitation, TOTP enrolment, wrong and replayed codes, login, a CRM backend's
token, decisions allowed and denied with their reasons, a step-up, a second device,
a session ended from another, guesses that have to wait, a role taken away, a logout;
a change of the policy from draft to published and rolled back, by two people; and how the log shows all of it: an entry found, a receipt and a proof, a bundle that
verifies offline, and one that somebody has altered.
The clock of the throw-away service is moved where a person would wait for the next
code. Ends with "demo: N passed, 0 failed", and exit status 1 if any failed.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.playDemo(cmd.Context()) },
	}
}

// playDemo starts the throw-away service, plays the story and counts.
func (c *cli) playDemo(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "rolegate-demo-")
	if err != nil {
		return fmt.Errorf("make a throw-away directory: %w", err)
	}
	defer os.RemoveAll(dir)
	// The demo is its own world: no setting of the shell it runs in reaches it.
	cfg, err := app.ReadConfig([]string{"ROLEGATE_DATA=" + dir, "ROLEGATE_LISTEN=127.0.0.1:0", "ROLEGATE_ADMIN_LISTEN=127.0.0.1:0"})
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer a.Close()
	s := &story{out: c.stdout, json: c.json, cfg: cfg, dir: dir}
	a.Now = s.now

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready, done := make(chan app.Ready, 1), make(chan error, 1)
	go func() { done <- a.Serve(ctx, func(r app.Ready) { ready <- r }) }()
	select {
	case r := <-ready:
		s.http.base = r.URL
		s.play(ctx)
	case err := <-done:
		return err
	}
	stop()
	if err := <-done; err != nil {
		s.check("the service stops cleanly", err)
	}
	return s.verdict()
}

// story is one play: what happened so far, and what later steps need.
type story struct {
	out    io.Writer
	json   bool
	cfg    app.Config
	dir    string // goes with the service
	http   caller
	offset atomic.Int64 // how far the service's clock is ahead

	passed, failed int
	steps          []map[string]any

	secret      string // alice's TOTP secret
	confirmed   string // the code that confirmed her device
	access      string // alice's access token
	refresh     string
	client      directory.Credentials // of the CRM's backend
	clientToken string
	receipt     http.Header // of the last decision's answer
}

func (s *story) now() time.Time { return time.Now().Add(time.Duration(s.offset.Load())) }

// wait moves the service's clock to where the next code is due.
func (s *story) wait() { s.offset.Add(int64(30 * time.Second)) }

// check counts a step and prints it.
func (s *story) check(name string, err error) {
	verdict := "ok  "
	if err != nil {
		verdict = "FAIL"
		s.failed++
	} else {
		s.passed++
	}
	step := map[string]any{"step": name, "ok": err == nil}
	if err != nil {
		step["error"] = err.Error()
	}
	s.steps = append(s.steps, step)
	if s.json {
		return
	}
	fmt.Fprintf(s.out, "  %s  %s\n", verdict, name)
	if err != nil {
		fmt.Fprintf(s.out, "        %v\n", err)
	}
}

// note prints what an answer said, indented below its step.
func (s *story) note(format string, args ...any) {
	if !s.json {
		fmt.Fprintf(s.out, "        "+format+"\n", args...)
	}
}

func (s *story) chapter(title string) {
	if !s.json {
		fmt.Fprintf(s.out, "\n%s\n", title)
	}
}

var errDemo = errors.New("the demo failed")

func (s *story) verdict() error {
	if s.json {
		writeJSON(s.out, map[string]any{"passed": s.passed, "failed": s.failed, "steps": s.steps})
	} else {
		fmt.Fprintf(s.out, "\ndemo: %d passed, %d failed\n", s.passed, s.failed)
	}
	if s.failed > 0 {
		return errDemo
	}
	return nil
}

// play is the story, in the order a new install lives it.
func (s *story) play(ctx context.Context) {
	s.chapter("alice, a sales rep, is invited and enrols a TOTP device")
	s.enrol(ctx)
	s.chapter("alice logs in")
	s.login()
	s.chapter("a CRM backend asks what alice may do")
	s.connect(ctx)
	s.decide()
	s.chapter("alice looks after her account")
	s.account()
	s.chapter("somebody guesses her password")
	s.guess(ctx)
	s.chapter("what is taken away is felt at once")
	s.revoke(ctx)
	s.chapter("the policy is changed by two people, and changed back")
	s.change(ctx)
	s.chapter("the log has it all, and nobody has to believe it")
	s.log(ctx)
}

func (s *story) enrol(ctx context.Context) {
	inv, err := app.AddUser.Do(ctx, s.cfg, app.UserRequest{Tenant: model.DefaultTenant, User: "alice", Roles: []string{"sales-rep"}})
	s.check("rolegate user add alice --role sales-rep", err)

	page, err := s.http.get("/invite/"+inv.Invite, "")
	s.check("the invitation link opens a page", errors.Join(err, want(page, 200, nil)))

	a, err := s.http.post("/v1/invite/accept", "", map[string]any{"invite": inv.Invite, "password": "short"})
	s.check("a password that is too short is refused, the invitation stays", errors.Join(err, want(a, 0, map[string]any{"code": "password_rejected"})))

	a, err = s.http.post("/v1/invite/accept", "", map[string]any{"invite": inv.Invite, "password": demoPassword})
	s.check("the invitation and a good password give an enrolment ticket, no token", errors.Join(err, want(a, 200, map[string]any{"status": "enrolment_required", "access_token": nil})))
	ticket := a.text("ticket")

	again, err := s.http.post("/v1/invite/accept", "", map[string]any{"invite": inv.Invite, "password": demoPassword})
	s.check("the invitation works once", errors.Join(err, want(again, 0, map[string]any{"code": "invite_invalid"})))

	a, err = s.http.post("/v1/login/enrol", "", map[string]any{"ticket": ticket})
	s.check("enrolment shows secret, otpauth URI and QR code, this once", errors.Join(err, want(a, 200, nil)))
	s.secret = a.text("secret")
	s.note("%s", a.text("otpauth_uri"))

	a, err = s.http.post("/v1/login/enrol/confirm", "", map[string]any{"ticket": ticket, "code": wrong(s.code())})
	s.check("a wrong code does not confirm the device", errors.Join(err, want(a, 401, map[string]any{"code": "code_invalid"})))

	s.confirmed = s.code()
	a, err = s.http.post("/v1/login/enrol/confirm", "", map[string]any{"ticket": ticket, "code": s.confirmed})
	s.check("the right code confirms it and gives tokens and ten recovery codes", errors.Join(err, want(a, 200, map[string]any{"status": "ok"}), tenCodes(a)))
}

func (s *story) login() {
	a, err := s.http.post("/v1/login", "", map[string]any{"username": "alice", "password": "not her password"})
	s.check("a wrong password is refused", errors.Join(err, want(a, 401, map[string]any{"code": "login_failed"})))
	s.note("%s", a.text("detail"))

	a, err = s.http.post("/v1/login", "", map[string]any{"username": "alice", "password": demoPassword})
	s.check("the right one gives a ticket for the second step, no token", errors.Join(err, want(a, 200, map[string]any{"status": "mfa_required", "access_token": nil})))
	ticket := a.text("ticket")

	a, err = s.http.post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": s.confirmed})
	s.check("the code that confirmed the device counts as used", errors.Join(err, want(a, 401, map[string]any{"code": "code_invalid"})))

	s.wait()
	code := s.code()
	a, err = s.http.post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": code})
	s.check("the next code gives an access token (acr 2)", errors.Join(err, want(a, 200, map[string]any{"status": "ok"}), acr(a.text("access_token"), "2")))
	s.access, s.refresh = a.text("access_token"), a.text("refresh_token")

	a, err = s.http.post("/v1/login", "", map[string]any{"username": "alice", "password": demoPassword})
	ticket = a.text("ticket")
	s.check("someone who saw the code logs in beside her", errors.Join(err, want(a, 200, map[string]any{"status": "mfa_required"})))
	a, err = s.http.post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": code})
	s.check("and the replayed code is refused", errors.Join(err, want(a, 401, map[string]any{"code": "code_invalid"})))
}

func (s *story) connect(ctx context.Context) {
	var err error
	s.client, err = app.AddClient.Do(ctx, s.cfg, app.ClientRequest{Client: model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}}})
	s.check("rolegate client add crm --scope decide", err)
	s.clientToken, err = s.backendToken()
	s.check("the backend gets its token (client_credentials)", err)

	a, err := s.http.post("/access/v1/evaluation", "", question("alice", "read", "contact", own, nil))
	s.check("nobody else is answered", errors.Join(err, want(a, 401, map[string]any{"code": "unauthorized"})))
}

func (s *story) backendToken() (string, error) {
	a, err := s.http.form("/oauth2/token", s.client.ClientID, s.client.ClientSecret, "grant_type=client_credentials&scope=decide")
	return a.text("access_token"), errors.Join(err, want(a, 200, map[string]any{"scope": "decide"}))
}

var (
	own  = map[string]any{"owner": "alice", "teams": []string{}}
	bobs = map[string]any{"owner": "bob", "teams": []string{}}
)

func (s *story) decide() {
	s.ask("alice may read a contact she owns", question("alice", "read", "contact", own, nil), true, model.ReasonAllowed)
	s.ask("and update it", question("alice", "update", "contact", own, nil), true, model.ReasonAllowed)
	s.ask("she may not read bob's", question("alice", "read", "contact", bobs, nil), false, model.ReasonNotGranted)
	s.ask("a record whose owner is not told opens nothing", question("alice", "read", "contact", nil, nil), false, model.ReasonNotGranted)
	s.ask("nor does an action her role lacks", question("alice", "delete", "account", own, nil), false, model.ReasonNotGranted)
	s.ask("a person nobody registered is denied", question("mallory", "read", "contact", own, nil), false, model.ReasonSubjectUnknown)
	s.ask("an unknown object is denied", question("alice", "read", "spaceship", own, nil), false, model.ReasonObjectUnknown)

	a, err := s.http.post("/access/v1/evaluations", s.clientToken, map[string]any{
		"subject": map[string]any{"type": "user", "id": "alice"}, "action": map[string]any{"name": "read"},
		"evaluations": []any{
			map[string]any{"resource": resource("contact", own)},
			map[string]any{"resource": resource("contact", bobs)},
		},
	})
	s.check("two questions in one batch, answered in order", errors.Join(err, want(a, 200, nil), decisions(a, true, false)))
}

func (s *story) revoke(ctx context.Context) {
	token := map[string]any{"access_token": s.access}
	s.ask("with her session's token alice reads her contact", question("alice", "read", "contact", own, token), true, model.ReasonAllowed)

	_, err := app.Unassign.Do(ctx, s.cfg, app.RoleRequest{Tenant: model.DefaultTenant, Member: "alice", Role: "sales-rep"})
	s.check("rolegate role unassign sales-rep alice", err)
	s.ask("denied at once, though her token lives on", question("alice", "read", "contact", own, token), false, model.ReasonNotGranted)

	_, err = app.Assign.Do(ctx, s.cfg, app.RoleRequest{Tenant: model.DefaultTenant, Member: directory.MemberKey("alice"), Role: "sales-rep"})
	s.check("rolegate role assign sales-rep alice", err)
	s.ask("allowed at once", question("alice", "read", "contact", own, token), true, model.ReasonAllowed)

	a, err := s.http.post("/v1/token/refresh", "", map[string]any{"refresh_token": s.refresh})
	s.check("her refresh token gives a new pair", errors.Join(err, want(a, 200, map[string]any{"status": "ok"})))
	s.access = a.text("access_token")
	token["access_token"] = s.access

	a, err = s.http.post("/v1/logout", s.access, nil)
	s.check("alice logs out", errors.Join(err, want(a, 204, nil)))
	s.ask("denied at once, though the token has minutes left", question("alice", "read", "contact", own, token), false, model.ReasonSessionInvalid)
}

// ask puts a question as the CRM backend, and prints the reason of a denial.
func (s *story) ask(name string, q map[string]any, allow bool, code model.Code) {
	a, err := s.http.post("/access/v1/evaluation", s.clientToken, q)
	s.receipt = a.header
	context, _ := a.body["context"].(map[string]any)
	got := fmt.Sprint(context["code"])
	if err == nil && got != string(code) {
		err = fmt.Errorf("reason %s, want %s", got, code)
	}
	s.check(name, errors.Join(err, want(a, 200, map[string]any{"decision": allow})))
	if reasons, ok := context["reason_user"].(map[string]any); ok && !allow {
		s.note("%s: %v", code, reasons[string(code)])
	}
}
