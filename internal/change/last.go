package change

import (
	"context"
	"slices"

	"rolegate/internal/directory"
	"rolegate/internal/policy"
	"rolegate/model"
)

// Rights that the life of a change is made of; package administration asks for them.
const (
	object     = "rolegate.policy"
	toWrite    = "import"
	toApprove  = "approve"
	toPublish  = "publish"
	proofAtAll = 2 // the level of assurance that people can reach: password and code
)

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
	if can, err := s.changeable(ctx, tenant, then); err != nil || can {
		return then, err
	}
	can, err := s.changeable(ctx, tenant, now)
	if err == nil && can {
		err = errLast
	}
	return then, err
}

// changeable tells whether there are people by whom a change can be written, approved
// and published. It stops at the first who are enough.
func (s *Service) changeable(ctx context.Context, tenant string, view *policy.View) (bool, error) {
	var write, approve, publish []string
	for _, who := range view.Subjects() {
		if who.Type != "user" {
			continue
		}
		// Of writers and publishers two are enough, and of approvers three: one of them
		// is neither of any two.
		writes, approves, publishes := len(write) < 2 && s.lets(view, who, toWrite), len(approve) < 3 && s.lets(view, who, toApprove), len(publish) < 2 && s.lets(view, who, toPublish)
		if !writes && !approves && !publishes {
			continue
		}
		key := who.Type + ":" + who.ID
		if can, err := directory.CanLogIn(ctx, s.Store, tenant, key); err != nil {
			return false, err
		} else if !can {
			continue
		}
		if approves {
			_, err := s.Directory.OfficeOf(ctx, s.Store, tenant, key)
			if approves = err == nil; !approves && model.CodeOf(err) != model.CodeForbidden {
				return false, err
			}
		}
		for _, of := range []struct {
			is   bool
			list *[]string
		}{{writes, &write}, {approves, &approve}, {publishes, &publish}} {
			if of.is {
				*of.list = append(*of.list, key)
			}
		}
		another := func(list []string, than string) bool {
			return slices.ContainsFunc(list, func(key string) bool { return key != than })
		}
		if s.Single && len(write) > 0 && len(publish) > 0 ||
			slices.ContainsFunc(approve, func(key string) bool { return another(write, key) && another(publish, key) }) {
			return true, nil
		}
	}
	return false, nil
}

// lets tells whether a policy lets somebody do something to drafts, who has proven
// what can be proven.
func (s *Service) lets(view *policy.View, who model.Entity, action string) bool {
	now := s.Now()
	q := model.Question{Subject: who, Action: model.Action{Name: action}, Resource: model.Entity{Type: object, ID: model.AnyRecord}}
	return view.Decide(&q, &policy.Inputs{Now: now, Assurance: model.Assurance{Level: proofAtAll, AuthTime: now}}).Allow
}
