package change_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"rolegate/internal/administration"
	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/change"
	"rolegate/internal/login"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

const tenant = model.DefaultTenant

// firm is a kit with office holders, two of security.
type firm struct {
	*testkit.Kit
	*change.Service
	sys, sec, sec2, aud *testkit.Person
}

func firmOf(k *testkit.Kit) *firm {
	k.T.Helper()
	f := &firm{Kit: k, Service: k.App.Change}
	f.sys, f.sec, f.sec2, f.aud = f.holder("sys", model.SystemAdmin), f.holder("sec", model.SecurityAdmin), f.holder("sec2", model.SecurityAdmin), f.holder("aud", model.AuditAdmin)
	return f
}

func (f *firm) holder(id, office string) *testkit.Person {
	f.T.Helper()
	p := f.MustEnrol(id)
	f.must(app.Assign.Run(ctx, f.App, testkit.Operator, app.RoleRequest{Tenant: tenant, Member: id, Role: office, Reason: "test"}))
	return p
}

func (f *firm) must(_ any, err error) {
	f.T.Helper()
	if err != nil {
		f.T.Fatal(err)
	}
}

// who is a person whose right to what they do next was decided now.
func (f *firm) who(id string) model.Caller {
	f.T.Helper()
	t, err := f.App.Store.Tenant(ctx, tenant)
	f.must(t, err)
	return model.Caller{Kind: model.CallerUser, ID: id, Tenant: tenant, Grounds: &model.Grounds{Object: administration.Policies, Action: "test", Rule: "p:1", Revision: t.Revision}}
}

// officer is a person by right.
func (f *firm) officer(p *testkit.Person, action string) (*administration.Officer, error) {
	return f.officerOf(p, administration.Policies, action)
}

func (f *firm) officerOf(p *testkit.Person, object, action string) (*administration.Officer, error) {
	authenticate := func(ctx context.Context) (login.Session, error) { return f.App.Login.AuthenticateUser(ctx, p.Access) }
	return f.App.Administration.Officer(ctx, authenticate, tenant, object, action)
}

func (f *firm) mustOfficer(p *testkit.Person, action string) *administration.Officer {
	f.T.Helper()
	o, err := f.officer(p, action)
	f.must(o, err)
	return o
}

// current is the policy in force.
func (f *firm) current() change.Revision {
	f.T.Helper()
	p, err := f.Current(ctx, tenant)
	f.must(p, err)
	return p
}

// imports publishes a document on the host.
func (f *firm) imports(text string) error {
	_, err := app.ImportPolicy.Run(ctx, f.App, testkit.Operator, app.FileRequest{Tenant: tenant, Text: []byte(text), Reason: "test"})
	return err
}

// The steps, each of which must go well.

func (f *firm) draft(by string) change.Draft {
	f.T.Helper()
	d, err := f.Create(ctx, f.who(by), tenant, "a change")
	f.must(d, err)
	return d
}

func (f *firm) saved(by string, d change.Draft, document string) change.Draft {
	f.T.Helper()
	d, err := f.Save(ctx, f.who(by), tenant, d.ID, d.Version, change.Edit{Title: d.Title, Document: document, Cases: d.Cases})
	f.must(d, err)
	return d
}

func (f *firm) submitted(by string, d change.Draft) change.Draft {
	f.T.Helper()
	d, err := f.Submit(ctx, f.who(by), tenant, d.ID, d.Version)
	f.must(d, err)
	return d
}

func (f *firm) approved(by string, d change.Draft) change.Draft {
	f.T.Helper()
	d, err := f.Decide(ctx, f.who(by), tenant, d.ID, d.Version, true, "")
	f.must(d, err)
	return d
}

// added is a draft of sec with one row more, submitted.
func (f *firm) added(row string) change.Draft {
	f.T.Helper()
	d := f.draft("sec")
	return f.submitted("sec", f.saved("sec", d, d.Document+row+"\n"))
}

// refused holds an error against a code.
func (f *firm) refused(what string, err error, want model.Code) {
	f.T.Helper()
	if model.CodeOf(err) != want {
		f.T.Errorf("%s: %v, want %s", what, err, want)
	}
}

// activities are what was recorded while f ran, in order.
func (f *firm) activities(do func()) (as []audit.Activity) {
	f.T.Helper()
	for _, l := range f.Recorded(do) {
		as = append(as, l.Activity)
	}
	return as
}

func second[T any](_ T, err error) error { return err }
