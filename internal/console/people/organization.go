package people

import (
	"context"
	"strings"

	"rolegate/internal/administration"
	"rolegate/internal/console/page"
	"rolegate/internal/directory"
	"rolegate/internal/store"
	"rolegate/model"
)

// group is a team, a unit or a territory.
type group struct {
	Kind   string
	ID     string
	Parent string
	Heads  []string
	ETag   string
}

// kinds are what is done with the groups of each kind.
var kinds = map[string]struct {
	path   string
	list   func(context.Context, *administration.Officer, directory.Query) (groups []group, after string, more bool, err error)
	get    func(context.Context, *administration.Officer, string) (group, error)
	put    func(context.Context, *administration.Officer, group, directory.Condition) error
	delete func(context.Context, *administration.Officer, string, directory.Condition) error
}{
	"team": {Organization,
		listing(func(o *administration.Officer) administration.Entries[model.Team] { return o.Teams() }, ofTeam),
		getting(func(o *administration.Officer) administration.Entries[model.Team] { return o.Teams() }, ofTeam),
		func(ctx context.Context, o *administration.Officer, g group, c directory.Condition) error {
			_, err := o.Teams().Put(ctx, model.Team{ID: g.ID}, c)
			return err
		},
		func(ctx context.Context, o *administration.Officer, id string, c directory.Condition) error {
			_, err := o.Teams().Delete(ctx, store.Key{id}, c)
			return err
		}},
	"unit": {Organization + "/units",
		listing(func(o *administration.Officer) administration.Entries[model.Unit] { return o.Units() }, ofUnit),
		getting(func(o *administration.Officer) administration.Entries[model.Unit] { return o.Units() }, ofUnit),
		func(ctx context.Context, o *administration.Officer, g group, c directory.Condition) error {
			_, err := o.Units().Put(ctx, model.Unit{ID: g.ID, Parent: g.Parent, Heads: g.Heads}, c)
			return err
		},
		func(ctx context.Context, o *administration.Officer, id string, c directory.Condition) error {
			_, err := o.Units().Delete(ctx, store.Key{id}, c)
			return err
		}},
	"territory": {Organization + "/territories",
		listing(func(o *administration.Officer) administration.Entries[model.Territory] { return o.Territories() }, ofTerritory),
		getting(func(o *administration.Officer) administration.Entries[model.Territory] { return o.Territories() }, ofTerritory),
		func(ctx context.Context, o *administration.Officer, g group, c directory.Condition) error {
			_, err := o.Territories().Put(ctx, model.Territory{ID: g.ID, Parent: g.Parent}, c)
			return err
		},
		func(ctx context.Context, o *administration.Officer, id string, c directory.Condition) error {
			_, err := o.Territories().Delete(ctx, store.Key{id}, c)
			return err
		}},
}

func ofTeam(t model.Team) group           { return group{Kind: "team", ID: t.ID} }
func ofUnit(u model.Unit) group           { return group{"unit", u.ID, u.Parent, u.Heads, ""} }
func ofTerritory(t model.Territory) group { return group{"territory", t.ID, t.Parent, nil, ""} }

func listing[T any](of func(*administration.Officer) administration.Entries[T], as func(T) group) func(context.Context, *administration.Officer, directory.Query) ([]group, string, bool, error) {
	return func(ctx context.Context, o *administration.Officer, q directory.Query) (groups []group, after string, more bool, err error) {
		found, err := of(o).List(ctx, q)
		for _, e := range found.Entries {
			groups = append(groups, as(e.Entry))
		}
		return groups, found.After[0], found.More, err
	}
}

func getting[T any](of func(*administration.Officer) administration.Entries[T], as func(T) group) func(context.Context, *administration.Officer, string) (group, error) {
	return func(ctx context.Context, o *administration.Officer, id string) (group, error) {
		found, err := of(o).Get(ctx, store.Key{id})
		g := as(found.Entry)
		g.ETag = found.ETag
		return g, err
	}
}

// groupList is a page of groups of a kind, with the form of a new one.
type groupList struct {
	Kind   string
	Groups []group
	Next   string
	New    group
}

func (p *pages) groups(kind string) func(*page.Visit, *administration.Officer) error {
	return func(v *page.Visit, o *administration.Officer) error {
		d, err := groupsOf(v, o, kind)
		if err != nil {
			return err
		}
		return v.Render("groups.html", d)
	}
}

func groupsOf(v *page.Visit, o *administration.Officer, kind string) (groupList, error) {
	d := groupList{Kind: kind}
	k := kinds[kind]
	after, err := v.After(kind)
	if err != nil {
		return d, err
	}
	found, after, more, err := k.list(v.Context(), o, directory.Query{After: store.Key{after}, Limit: pageSize})
	if err != nil {
		return d, err
	}
	d.Groups = found
	d.Next, err = onward(v, more, kind, after, k.path)
	return d, err
}

// groupPage is one group.
type groupPage struct {
	group
	HeadList string // as entered
	Held     []held // of a team
	Form     string
	Role     string
	From     string
	Until    string
	Reason   string
	Known    known
}

func toGroup(kind, id string) string { return at(Organization+"/group", "kind", kind, "id", id) }

func (p *pages) group(v *page.Visit, o *administration.Officer) error {
	d, err := p.groupPage(v, o, v.Query("kind"), v.R.URL.Query().Get("id"))
	if err != nil {
		return err
	}
	return v.Render("group.html", d)
}

func (p *pages) groupPage(v *page.Visit, o *administration.Officer, kind, id string) (d groupPage, err error) {
	k, ok := kinds[kind]
	if !ok {
		return d, &model.Error{Code: model.CodeNotFound}
	}
	if d.group, err = k.get(v.Context(), o, id); err != nil {
		return d, err
	}
	d.HeadList = strings.Join(d.Heads, "\n")
	if kind == "team" {
		roles, err := o.RolesOfTeam(v.Context(), id)
		if err != nil {
			return d, err
		}
		d.Held = heldAt(roles, p.Now())
		d.Known.Roles, err = knownRoles(v)
		return d, err
	}
	if v.May(administration.Organization, administration.Update) {
		d.Known.Groups, err = knownGroups(v, o, kind)
	}
	return d, err
}

// groupAgain shows the group, or where it is to be made the list, once more with the
// form that failed.
func (p *pages) groupAgain(v *page.Visit, form string, g group, failed error) error {
	o, err := v.Enter(administration.Organization, administration.Read)
	if err != nil {
		return failed
	}
	if form == "new" {
		d, err := groupsOf(v, o, g.Kind)
		if err != nil {
			return failed
		}
		d.New = g
		return v.Again(failed, "groups.html", d)
	}
	d, err := p.groupPage(v, o, g.Kind, g.ID)
	if err != nil {
		return failed
	}
	d.Form, d.Role, d.From, d.Until, d.Reason = form, v.Form("role"), v.Form("from"), v.Form("until"), v.Raw("reason")
	if form == "put" {
		d.Parent, d.HeadList = g.Parent, v.Raw("heads")
		d.ETag = g.ETag
	}
	if model.CodeOf(failed) == model.CodePrecondition { // what is saved next is upon what is there now
		if now, err := kinds[g.Kind].get(v.Context(), o, g.ID); err == nil {
			d.ETag = now.ETag
		}
	}
	return v.Again(failed, "group.html", d)
}

// same asks that an entry is as it was shown.
func same(etag string) directory.Condition {
	return directory.Condition{Match: &directory.Tags{List: []string{etag}}}
}

func (p *pages) putGroup(v *page.Visit, o *administration.Officer) error {
	g := group{v.Form("kind"), v.Form("id"), v.Form("parent"), several(v.Raw("heads")), v.Raw("etag")}
	k, ok := kinds[g.Kind]
	if !ok {
		return &model.Error{Code: model.CodeNotFound}
	}
	form, cond := "put", same(g.ETag)
	if g.ETag == "" {
		form, cond = "new", directory.Condition{NoneMatch: &directory.Tags{Any: true}}
		g.ID = directory.Bare(g.Kind, g.ID)
	} else {
		g.ID = v.Raw("id")
	}
	err := k.put(v.Context(), o, g, cond)
	if form == "new" && model.CodeOf(err) == model.CodePrecondition {
		err = model.Errorf(model.CodeConflict, "%q is already there", g.ID)
	}
	if err != nil {
		return p.groupAgain(v, form, g, err)
	}
	return v.Done(toGroup(g.Kind, g.ID), "group.saved", "id", g.ID)
}

func (p *pages) deleteGroup(v *page.Visit, o *administration.Officer) error {
	g := group{Kind: v.Form("kind"), ID: v.Raw("id"), ETag: v.Raw("etag")}
	k, ok := kinds[g.Kind]
	if !ok {
		return &model.Error{Code: model.CodeNotFound}
	}
	if err := k.delete(v.Context(), o, g.ID, same(g.ETag)); err != nil {
		return p.groupAgain(v, "delete", g, err)
	}
	return v.Done(k.path, "group.deleted", "id", g.ID)
}

func (p *pages) assignTeam(v *page.Visit, o *administration.Officer) error {
	a, err := window(v)
	if err == nil {
		_, err = o.AssignTeam(v.Context(), v.Raw("id"), a, v.Form("reason"))
	}
	if err != nil {
		return p.groupAgain(v, "assign", group{Kind: "team", ID: v.Raw("id")}, err)
	}
	return v.Done(toGroup("team", v.Raw("id")), "team.assigned", "team", v.Raw("id"), "role", a.Role)
}

func (p *pages) unassignTeam(v *page.Visit, o *administration.Officer) error {
	if _, err := o.UnassignTeam(v.Context(), v.Raw("id"), v.Raw("role"), v.Form("reason")); err != nil {
		return p.groupAgain(v, "unassign", group{Kind: "team", ID: v.Raw("id")}, err)
	}
	return v.Done(toGroup("team", v.Raw("id")), "team.unassigned", "team", v.Raw("id"), "role", v.Raw("role"))
}

// lineList is a page of who reports to whom.
type lineList struct {
	Members []model.Subject
	Next    string
}

func (p *pages) lines(v *page.Visit, o *administration.Officer) error {
	after, err := v.After("lines")
	if err != nil {
		return err
	}
	found, err := o.Members().List(v.Context(), directory.Query{Of: store.Key{"user"}, After: store.Key{"user", after}, Limit: pageSize})
	if err != nil {
		return err
	}
	d := lineList{}
	for _, e := range found.Entries {
		d.Members = append(d.Members, e.Entry)
	}
	if d.Next, err = onward(v, found.More, "lines", found.After[1], Organization+"/lines"); err != nil {
		return err
	}
	return v.Render("lines.html", d)
}

// memberPage is where one person is, as stored or as entered.
type memberPage struct {
	model.Subject
	ETag               string
	Teams, Territories string
	Known              known
}

func memberOf(e directory.Stored[model.Subject]) memberPage {
	return memberPage{Subject: e.Entry, ETag: e.ETag, Teams: strings.Join(e.Entry.Teams, "\n"), Territories: strings.Join(e.Entry.Territories, "\n")}
}

func (p *pages) member(v *page.Visit, o *administration.Officer) error {
	found, err := o.Members().Get(v.Context(), store.Key{"user", v.R.URL.Query().Get("id")})
	if err != nil {
		return err
	}
	d := memberOf(found)
	if d.Known, err = whereabouts(v); err != nil {
		return err
	}
	return v.Render("member.html", d)
}

// whereabouts are units and people to choose from.
func whereabouts(v *page.Visit) (k known, err error) {
	if !v.May(administration.Organization, administration.Update) {
		return k, nil
	}
	o, err := v.Enter(administration.Organization, administration.Read)
	if err != nil {
		return k, err
	}
	if k.Groups, err = knownGroups(v, o, "unit"); err == nil {
		k.People, err = knownPeople(v, o)
	}
	return k, err
}

// putMember moves somebody. What the form does not show stays as it is.
func (p *pages) putMember(v *page.Visit, o *administration.Officer) error {
	id := v.Raw("id")
	found, err := o.Members().Get(v.Context(), store.Key{"user", id})
	if err != nil {
		return err
	}
	is := found.Entry
	is.Unit, is.Manager, is.Teams, is.Territories = v.Form("unit"), v.Form("manager"), several(v.Raw("teams")), several(v.Raw("territories"))
	if _, err := o.Members().Put(v.Context(), is, same(v.Raw("etag"))); err != nil {
		d := memberOf(directory.Stored[model.Subject]{Entry: is, ETag: v.Raw("etag")})
		if model.CodeOf(err) == model.CodePrecondition {
			d.ETag = found.ETag
		}
		d.Known, _ = whereabouts(v)
		return v.Again(err, "member.html", d)
	}
	return v.Done(at(Organization+"/member", "id", id), "member.saved", "user", id)
}
