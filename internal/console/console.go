// Package console is the pages for people, in packages of their own by what they are
// for; package page is what all of them share.
//
//	entrance  invitation, login, second factor, step-up, language
//	reasons   why and who
//	logbook   the log: search, entries, charts
//	people    accounts, roles, offices, the organization and imports of it
//	clients   the CRM backends that ask, and their secrets
//	policies  the policy in force, and drafts of the next
//	changes   the life of a policy's change: drafts, what was published, rolling back
//	account   one's own devices, recovery codes, password, sessions, history
package console

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"rolegate/internal/administration"
	"rolegate/internal/console/account"
	"rolegate/internal/console/changes"
	"rolegate/internal/console/clients"
	"rolegate/internal/console/entrance"
	"rolegate/internal/console/logbook"
	"rolegate/internal/console/page"
	"rolegate/internal/console/people"
	"rolegate/internal/console/policies"
	"rolegate/internal/console/reasons"
	"rolegate/internal/login"
	"rolegate/internal/policy"
	"rolegate/model"
)

// Pages are the pages. Fill it and Mount it; all fields are required.
type Pages struct {
	Login          *login.Service
	Administration *administration.Service
	Limits         model.Limits
	Now            func() time.Time
	PageKey        func(parts ...[]byte) []byte // as server.Server has it
	// ReadQuestion is how the API reads the body of a request for an explanation.
	ReadQuestion func(body []byte) (policy.ExplainRequest, error)
}

// Mount adds the pages to a router, and gives the one that tells what is wrong where
// there is none.
func (p *Pages) Mount(r chi.Router, endpoint func(page.Endpoint) http.Handler, mayCall func(context.Context) error) page.Endpoint {
	f := &page.Frame{Login: p.Login, Administration: p.Administration, Limits: p.Limits, Now: p.Now, PageKey: p.PageKey, MayCall: mayCall}
	return f.Mount(r, endpoint,
		func(f *page.Frame) { entrance.Add(f, p.Login) },
		func(f *page.Frame) { reasons.Add(f, p.ReadQuestion) },
		logbook.Add,
		people.Add,
		clients.Add,
		policies.Add,
		changes.Add,
		func(f *page.Frame) { account.Add(f, p.Login) },
	)
}
