// Package console is the pages for people, in packages of their own by what they are
// for; package page is what all of them share.
//
//	entrance  invitation, login, second factor, step-up, language
//	people    accounts, roles, offices, the organization and imports of it
//	clients   the CRM backends that ask, and their secrets
//	policies  the policy in force, and drafts of the next
package console

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"rolegate/internal/administration"
	"rolegate/internal/console/clients"
	"rolegate/internal/console/entrance"
	"rolegate/internal/console/page"
	"rolegate/internal/console/people"
	"rolegate/internal/console/policies"
	"rolegate/internal/login"
	"rolegate/model"
)

// Pages are the pages. Fill it and Mount it; all fields are required.
type Pages struct {
	Login          *login.Service
	Administration *administration.Service
	Limits         model.Limits
	Now            func() time.Time
}

// Mount adds the pages to a router, and gives the one that tells what is wrong where
// there is none.
func (p *Pages) Mount(r chi.Router, endpoint func(page.Endpoint) http.Handler) page.Endpoint {
	f := &page.Frame{Login: p.Login, Administration: p.Administration, Limits: p.Limits, Now: p.Now}
	return f.Mount(r, endpoint,
		func(f *page.Frame) { entrance.Add(f, p.Login) },
		people.Add,
		clients.Add,
		policies.Add,
	)
}
