// Package clients is the pages about the CRM backends that ask Rolegate: what each may
// ask, and its secret, which is shown once.
package clients

import (
	"embed"
	"slices"

	"rolegate/internal/administration"
	"rolegate/internal/console/page"
	"rolegate/internal/directory"
	"rolegate/model"
)

//go:embed templates
var templates embed.FS

// Home is where the clients are.
const Home = "/console/clients"

type pages struct{ *page.Area }

// Add adds the pages to the frame.
func Add(f *page.Frame) {
	const clients = administration.Clients
	p := &pages{f.New(templates, texts)}
	f.Section(page.Section{Path: Home, Text: texts["clients.title"], Order: 20, Object: clients, Action: administration.Read})

	p.Officer("GET", Home, clients, administration.Read, p.list)
	p.Officer("POST", Home, clients, administration.Create, p.add)
	p.Officer("POST", Home+"/rotate", clients, administration.RotateSecret, p.rotate)
	p.Officer("POST", Home+"/disable", clients, administration.Disable, p.setDisabled(true))
	p.Officer("POST", Home+"/enable", clients, administration.Enable, p.setDisabled(false))
}

// pageSize is how many clients a page shows.
const pageSize = 50

// clientList is a page of clients, and the form of a new one as it was entered.
type clientList struct {
	Clients []model.Client
	Next    string // the place behind which others follow, sealed
	Scopes  []string
	New     model.Client
}

// Chosen tells whether a scope is in the form.
func (d clientList) Chosen(scope string) bool { return slices.Contains(d.New.Scopes, scope) }

func (p *pages) list(v *page.Visit, o *administration.Officer) error {
	d, err := listed(v, o)
	if err != nil {
		return err
	}
	return v.Render("clients.html", d)
}

func listed(v *page.Visit, o *administration.Officer) (clientList, error) {
	d := clientList{Scopes: directory.PersonalScopes()}
	after, err := v.After("clients")
	if err != nil {
		return d, err
	}
	all, err := o.Clients(v.Context())
	if err != nil {
		return d, err
	}
	for _, c := range all {
		switch {
		case c.ID <= after:
		case len(d.Clients) == pageSize:
			d.Next, err = v.Next("clients", d.Clients[pageSize-1].ID)
			return d, err
		default:
			d.Clients = append(d.Clients, c)
		}
	}
	return d, nil
}

// again shows the list once more with what failed.
func (p *pages) again(v *page.Visit, c model.Client, failed error) error {
	o, err := v.Enter(administration.Clients, administration.Read)
	if err != nil {
		return failed
	}
	d, err := listed(v, o)
	if err != nil {
		return failed
	}
	d.New = c
	return v.Again(failed, "clients.html", d)
}

func (p *pages) add(v *page.Visit, o *administration.Officer) error {
	c := model.Client{ID: v.Form("id"), Scopes: v.R.PostForm["scope"], TrustSubjectProperties: v.Form("trust") != "", RequireToken: v.Form("token") != ""}
	done, err := o.AddClient(v.Context(), c)
	if err != nil {
		return p.again(v, c, err)
	}
	return v.Render("secret.html", done)
}

func (p *pages) rotate(v *page.Visit, o *administration.Officer) error {
	done, err := o.RotateSecret(v.Context(), v.Raw("id"))
	if err != nil {
		return p.again(v, model.Client{}, err)
	}
	return v.Render("secret.html", done)
}

func (p *pages) setDisabled(disabled bool) func(*page.Visit, *administration.Officer) error {
	return func(v *page.Visit, o *administration.Officer) error {
		_, err := o.SetClientDisabled(v.Context(), v.Raw("id"), disabled)
		switch {
		case err != nil:
			return p.again(v, model.Client{}, err)
		case disabled:
			return v.Done(Home, "client.disabled", "client", v.Raw("id"))
		}
		return v.Done(Home, "client.enabled", "client", v.Raw("id"))
	}
}
