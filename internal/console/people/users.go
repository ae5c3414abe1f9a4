package people

import (
	"rolegate/internal/administration"
	"rolegate/internal/console/page"
	"rolegate/internal/directory"
	"rolegate/internal/store"
	"rolegate/model"
)

// userList is a page of accounts.
type userList struct {
	Name, State string
	Users       []administration.User
	Next, First string // addresses
}

func (p *pages) users(v *page.Visit, o *administration.Officer) error {
	d := userList{Name: v.Query("name"), State: v.Query("state")}
	q := store.UserQuery{Name: d.Name, Limit: pageSize}
	switch s := store.UserState(d.State); s {
	case store.UserInvited, store.UserActive, store.UserDisabled:
		q.State = s
	default:
		d.State = ""
	}
	list := "users\x00" + d.Name + "\x00" + d.State
	var err error
	if q.After, err = v.After(list); err != nil {
		return err
	}
	found, err := o.Users(v.Context(), q)
	if err != nil {
		return v.Again(err, "users.html", d)
	}
	d.Users = found.Users
	if d.Next, err = onward(v, found.More, list, found.After, Home, "name", d.Name, "state", d.State); err != nil {
		return err
	}
	if q.After != "" {
		d.First = at(Home, "name", d.Name, "state", d.State)
	}
	return v.Render("users.html", d)
}

// newUser is the form of a new account, as it was entered.
type newUser struct{ ID, Username, Roles, Reason string }

func (p *pages) newUser(v *page.Visit, _ *administration.Officer) error {
	return v.Render("new.html", newUser{})
}

func (p *pages) addUser(v *page.Visit, o *administration.Officer) error {
	d := newUser{v.Form("id"), v.Form("username"), v.Raw("roles"), v.Form("reason")}
	inv, err := o.AddUser(v.Context(), directory.NewUser{ID: d.ID, Username: d.Username, Roles: several(d.Roles)}, d.Reason)
	if err != nil {
		return v.Again(err, "new.html", d)
	}
	return v.Render("link.html", link{d.ID, inv})
}

// link is an invitation, shown this once.
type link struct {
	ID string
	directory.Invitation
}

// userPage is one account, with what was entered in the form that failed.
type userPage struct {
	administration.UserDetails
	Held   []held
	Form   string // which one failed
	Reason string
	Role   string
	From   string
	Until  string
	Self   bool
	Known  known
}

func (p *pages) user(v *page.Visit, o *administration.Officer) error {
	d, err := p.details(v, o, v.R.URL.Query().Get("id"))
	if err != nil {
		return err
	}
	return v.Render("user.html", d)
}

func (p *pages) details(v *page.Visit, o *administration.Officer, id string) (userPage, error) {
	u, err := o.User(v.Context(), id)
	d := userPage{UserDetails: u, Held: heldAt(u.Roles, p.Now()), Self: id == o.Caller().ID}
	if err == nil && !d.Self {
		d.Known.Roles, err = knownRoles(v)
	}
	return d, err
}

// again shows the account once more with the form that failed.
func (p *pages) again(v *page.Visit, form string, failed error) error {
	o, err := v.Enter(administration.Users, administration.Read)
	if err != nil {
		return failed
	}
	d, err := p.details(v, o, v.Raw("id"))
	if err != nil {
		return failed
	}
	d.Form, d.Reason, d.Role, d.From, d.Until = form, v.Raw("reason"), v.Form("role"), v.Form("from"), v.Form("until")
	return v.Again(failed, "user.html", d)
}

func toUser(id string) string { return at(Home+"/user", "id", id) }

func (p *pages) invite(v *page.Visit, o *administration.Officer) error {
	inv, err := o.Invite(v.Context(), v.Raw("id"), v.Form("reason"))
	if err != nil {
		return p.again(v, "invite", err)
	}
	return v.Render("link.html", link{v.Raw("id"), inv})
}

func (p *pages) disable(v *page.Visit, o *administration.Officer) error {
	if _, err := o.SetDisabled(v.Context(), v.Raw("id"), true, v.Form("reason")); err != nil {
		return p.again(v, "disable", err)
	}
	return v.Done(toUser(v.Raw("id")), "user.disabled", "user", v.Raw("id"))
}

func (p *pages) enable(v *page.Visit, o *administration.Officer) error {
	if _, err := o.SetDisabled(v.Context(), v.Raw("id"), false, v.Form("reason")); err != nil {
		return p.again(v, "enable", err)
	}
	return v.Done(toUser(v.Raw("id")), "user.enabled", "user", v.Raw("id"))
}

func (p *pages) unlock(v *page.Visit, o *administration.Officer) error {
	if err := o.Unlock(v.Context(), v.Raw("id"), v.Form("reason")); err != nil {
		return p.again(v, "unlock", err)
	}
	return v.Done(toUser(v.Raw("id")), "user.unlocked", "user", v.Raw("id"))
}

func (p *pages) endSessions(v *page.Visit, o *administration.Officer) error {
	_, ended, err := o.EndSessions(v.Context(), v.Raw("id"), v.Form("reason"))
	if err != nil {
		return p.again(v, "sessions", err)
	}
	return v.Done(toUser(v.Raw("id")), "user.ended", "user", v.Raw("id"), "count", ended)
}

func (p *pages) assign(v *page.Visit, o *administration.Officer) error {
	a, err := window(v)
	if err == nil {
		_, err = o.Assign(v.Context(), v.Raw("id"), a, v.Form("reason"))
	}
	if err != nil {
		return p.again(v, "assign", err)
	}
	return v.Done(toUser(v.Raw("id")), "user.assigned", "user", v.Raw("id"), "role", a.Role)
}

func (p *pages) unassign(v *page.Visit, o *administration.Officer) error {
	if _, err := o.Unassign(v.Context(), v.Raw("id"), v.Raw("role"), v.Form("reason")); err != nil {
		return p.again(v, "unassign", err)
	}
	return v.Done(toUser(v.Raw("id")), "user.unassigned", "user", v.Raw("id"), "role", v.Raw("role"))
}

// roleList is a page of roles.
type roleList struct {
	Roles []model.Role
	Next  string
	ID    string // of a new one
	MFA   bool
}

func (p *pages) roles(v *page.Visit, o *administration.Officer) error {
	d, err := p.roleList(v, o)
	if err != nil {
		return err
	}
	return v.Render("roles.html", d)
}

func (p *pages) roleList(v *page.Visit, o *administration.Officer) (d roleList, err error) {
	after, err := v.After("roles")
	if err != nil {
		return d, err
	}
	found, err := o.Roles(v.Context(), after, pageSize)
	if err != nil {
		return d, err
	}
	d.Roles = found.Roles
	d.Next, err = onward(v, found.More, "roles", found.After, Home+"/roles")
	return d, err
}

func (p *pages) addRole(v *page.Visit, o *administration.Officer) error {
	r := model.Role{ID: directory.Bare("role", v.Form("id")), RequireMFA: v.Form("mfa") != ""}
	if _, err := o.PutRole(v.Context(), r, true); err != nil {
		if o, denied := v.Enter(administration.Roles, administration.Read); denied == nil {
			d, _ := p.roleList(v, o)
			d.ID, d.MFA = r.ID, r.RequireMFA
			return v.Again(err, "roles.html", d)
		}
		return err
	}
	return v.Done(at(Home+"/role", "id", r.ID), "role.made", "role", r.ID)
}

// rolePage is a role with those who hold it.
type rolePage struct {
	model.Role
	Office bool
	Held   []held
	Next   string
}

func (p *pages) role(v *page.Visit, o *administration.Officer) error {
	id := v.R.URL.Query().Get("id")
	list := "holders\x00" + id
	after, err := v.After(list)
	if err != nil {
		return err
	}
	found, err := o.Holders(v.Context(), id, after, pageSize)
	if err != nil {
		return err
	}
	d := rolePage{Role: found.Role, Office: model.IsOffice(id), Held: heldAt(found.Holders, p.Now())}
	if n := len(found.Holders); n > 0 {
		d.Next, err = onward(v, found.More, list, found.Holders[n-1].Member, Home+"/role", "id", id)
	}
	if err != nil {
		return err
	}
	return v.Render("role.html", d)
}

func (p *pages) changeRole(v *page.Visit, o *administration.Officer) error {
	r := model.Role{ID: v.Raw("id"), RequireMFA: v.Form("mfa") != ""}
	if _, err := o.PutRole(v.Context(), r, false); err != nil {
		return err
	}
	return v.Done(at(Home+"/role", "id", r.ID), "role.changed", "role", r.ID)
}
