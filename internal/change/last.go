package change

import (
	"context"
	"slices"
	"strings"

	"rolegate/internal/directory"
	"rolegate/internal/policy"
	"rolegate/internal/store"
	"rolegate/model"
)

// Rights that the life of a change is made of; package administration asks for them.
const (
	object     = "rolegate.policy"
	toWrite    = "import"
	toApprove  = "approve"
	toPublish  = "publish"
	person     = "user"
	proofAtAll = 2 // the level of assurance that people can reach: password and code
)

var errLastCatalog = model.Errorf(model.CodeConflict, "under this catalogue nobody could change the policy any more: keep the actions import, approve and publish of the object rolegate.policy, and what they require, as they are")

var errLast = model.Errorf(model.CodeConflict, "under this policy nobody could change the policy any more, but on the host: of those who can log in, one must have the right to write a change, another, with an office, to approve it, and one who did not approve it to publish it")

// lasting is the view of the people there are under a document, if that is fit to be
// published and not the last: where people can change the policy now, they can under
// the document, too.
func (s *Service) lasting(ctx context.Context, tenant, document string) (*policy.View, error) {
	doc, err := s.Policy.ReadDraft(ctx, tenant, document)
	if err != nil {
		return nil, err
	}
	now, err := s.Policy.Snapshots.Current(ctx, tenant)
	if err != nil {
		return nil, err
	}
	then, err := now.Under(doc)
	if err != nil {
		return nil, err
	}
	last, _, err := s.last(ctx, tenant, now, then)
	if err == nil && last {
		err = errLast
	}
	return then, err
}

// LockedOut is the finding about a document that would be the last for the people
// there are; nil where it would not be, as where they cannot change the policy now.
func (s *Service) LockedOut(ctx context.Context, tenant string, now, then *policy.View) (*model.Finding, error) {
	last, lacking, err := s.last(ctx, tenant, now, then)
	if err != nil || !last {
		return nil, err
	}
	code := model.FindingLockedOut
	return &model.Finding{Code: code, Severity: code.Severity(), New: true, Word: strings.Join(lacking, ", ")}, nil
}

// StaysChangeable refuses a catalogue under which the policy in force would be the last.
func (s *Service) StaysChangeable(ctx context.Context, tenant string, catalog *policy.Catalog) error {
	now, err := s.Policy.Snapshots.Current(ctx, tenant)
	if err != nil {
		return err
	}
	then, err := now.UnderCatalog(catalog)
	if err != nil {
		return err
	}
	last, _, err := s.last(ctx, tenant, now, then)
	if err == nil && last {
		err = errLastCatalog
	}
	return err
}

// last tells whether people can change the policy under one view of a tenant and
// could not under another, and what nobody could do then.
func (s *Service) last(ctx context.Context, tenant string, now, then *policy.View) (last bool, lacking []string, err error) {
	can, lacking, err := s.changeable(ctx, tenant, then)
	if err != nil || can {
		return false, nil, err
	}
	last, _, err = s.changeable(ctx, tenant, now)
	return last, lacking, err
}

// changeable tells whether there are people by whom a change can be written, approved
// and published; or else for which of these there is nobody at all. It stops at the
// first who are enough, and begins with those who hold an office.
func (s *Service) changeable(ctx context.Context, tenant string, view *policy.View) (can bool, lacking []string, err error) {
	holders, err := s.holders(ctx, tenant)
	if err != nil {
		return false, nil, err
	}
	in := logins{q: s.Store, tenant: tenant}
	var are able
	consider := func(who model.Entity, holds bool) error {
		key := who.Type + ":" + who.ID
		if in.all != nil && !in.all[key] { // known, which a decision is not
			return nil
		}
		lists := s.steps(&are, view, who, holds)
		if len(lists) == 0 {
			return nil
		}
		if logs, err := in.can(ctx, key); err != nil || !logs {
			return err
		}
		for _, list := range lists {
			*list = append(*list, key)
		}
		can = are.enough(s.Single)
		return nil
	}
	for _, id := range holders {
		if err := consider(model.Entity{Type: person, ID: id}, true); err != nil || can {
			return can, nil, err
		}
	}
	for _, who := range view.MayMatch(object, s.Now(), toWrite, toPublish) {
		if _, held := slices.BinarySearch(holders, who.ID); who.Type != person || held {
			continue
		}
		if err := consider(who, false); err != nil || can {
			return can, nil, err
		}
	}
	return false, are.lacking(s.Single), nil
}

// able are people by what they may do to a change of the policy.
type able struct{ write, approve, publish []string }

// steps are the lists somebody belongs on. Of writers and publishers two are enough,
// and of approvers, who hold an office, three: one of them is neither of any two.
func (s *Service) steps(are *able, view *policy.View, who model.Entity, holds bool) (lists []*[]string) {
	if len(are.write) < 2 && s.lets(view, who, toWrite) {
		lists = append(lists, &are.write)
	}
	if holds && len(are.approve) < 3 && s.lets(view, who, toApprove) {
		lists = append(lists, &are.approve)
	}
	if len(are.publish) < 2 && s.lets(view, who, toPublish) {
		lists = append(lists, &are.publish)
	}
	return lists
}

// enough tells whether a change can be written, approved by another, and published by
// who did not approve it.
func (are *able) enough(single bool) bool {
	if single {
		return len(are.write) > 0 && len(are.publish) > 0
	}
	another := func(list []string, than string) bool {
		return slices.ContainsFunc(list, func(key string) bool { return key != than })
	}
	return slices.ContainsFunc(are.approve, func(key string) bool { return another(are.write, key) && another(are.publish, key) })
}

// lacking are the steps for which there is nobody.
func (are *able) lacking(single bool) (actions []string) {
	for _, of := range []struct {
		action string
		list   []string
	}{{toWrite, are.write}, {toApprove, are.approve}, {toPublish, are.publish}} {
		if len(of.list) == 0 && (of.action != toApprove || !single) {
			actions = append(actions, of.action)
		}
	}
	return actions
}

// OfficesSuffice tells whether a document lets holders of the three offices, several of
// each, change the policy: for a tenant that has nobody yet.
func (s *Service) OfficesSuffice(doc *policy.Document, catalog *policy.Catalog) (bool, error) {
	view, err := policy.Bare(doc, catalog)
	if err != nil {
		return false, err
	}
	var are able
	for _, office := range model.Offices {
		for _, n := range []string{"1", "2", "3"} {
			who := model.Entity{Type: person, ID: office + n}
			for _, list := range s.steps(&are, view.With(model.Subject{Type: who.Type, ID: who.ID}, []string{office}), who, true) {
				*list = append(*list, who.ID)
			}
		}
	}
	return are.enough(s.Single), nil
}

// holders are the people who hold an office now, by their bare ids, sorted. Whether
// they can log in is not looked at.
func (s *Service) holders(ctx context.Context, tenant string) (ids []string, err error) {
	for _, office := range model.Offices {
		held, err := s.Store.Assignments(ctx, tenant, "", office)
		if err != nil {
			return nil, err
		}
		for _, h := range held {
			if id, ok := strings.CutPrefix(h.Member, person+":"); ok && h.ActiveAt(s.Now()) {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// askedAlone is how many are looked up one by one before all accounts are read: most
// documents are settled by the first few.
const askedAlone = 50

// logins tells who can log in.
type logins struct {
	q      store.Users
	tenant string
	asked  int
	all    map[string]bool // once too many were asked about
}

func (l *logins) can(ctx context.Context, key string) (bool, error) {
	if l.asked++; l.asked <= askedAlone {
		return directory.CanLogIn(ctx, l.q, l.tenant, key)
	}
	if l.all == nil {
		all := map[string]bool{}
		for after := ""; ; {
			page, err := l.q.ListUsers(ctx, l.tenant, after, readAtOnce)
			if err != nil {
				return false, err
			}
			for i := range page {
				if after = page[i].ID; directory.MayLogIn(&page[i]) {
					all[person+":"+after] = true
				}
			}
			if len(page) < readAtOnce {
				break
			}
		}
		l.all = all
	}
	return l.all[key], nil
}

// readAtOnce is how many accounts are read with one statement.
const readAtOnce = 5_000

// lets tells whether a policy lets somebody do something to drafts, who has proven
// what can be proven.
func (s *Service) lets(view *policy.View, who model.Entity, action string) bool {
	now := s.Now()
	q := model.Question{Subject: who, Action: model.Action{Name: action}, Resource: model.Entity{Type: object, ID: model.AnyRecord}}
	return view.Decide(&q, &policy.Inputs{Now: now, Assurance: model.Assurance{Level: proofAtAll, AuthTime: now}}).Allow
}
