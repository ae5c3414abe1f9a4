package policy

import (
	"context"
	"strings"
	"time"

	"rolegate/model"
)

// Act is something a person would do to one of Rolegate's own objects.
type Act struct {
	Object string // "rolegate.user"
	Action string
	ID     string // of the user, role or client; model.AnyRecord asks whether for any at all
	// Of is the user the record belongs to: what the directory says of that user is
	// said of the record, so that a grant of scope subtree or team reaches those it
	// names. "" for nobody.
	Of string
	// Becomes is that user as the act would leave them, where it moves them; nil for as
	// they are.
	Becomes *model.Subject
	// Held is when the person holds the roles that count; zero is now.
	Held time.Time
}

// Administers tells, in process, whether a person may do an act in the tenant as
// of a revision at least. Whoever is required to show a second factor by now, and
// has not, administers nothing, whatever the policy says of proofs. It is not
// recorded: the act is, with the decision. An error means no, as everywhere.
func (s *Service) Administers(ctx context.Context, tenant string, revision int64, person string, proven model.Assurance, a Act) (model.Decision, error) {
	view, err := s.viewAt(ctx, tenant, revision)
	if err != nil {
		return model.Decision{}, err
	}
	now := s.Now()
	q := model.Question{
		Subject: model.Entity{Type: "user", ID: person}, Action: model.Action{Name: a.Action},
		Resource: model.Entity{Type: a.Object, ID: a.ID},
	}
	if view.demandsMore(q.Subject, proven, now) {
		return view.denial(model.ReasonStepUp), nil
	}
	switch {
	case a.Becomes != nil:
		q.Resource.Properties = ofUser(a.Becomes.ID, a.Becomes.Teams, a.Becomes.Unit)
	case a.Of != "":
		q.Resource.Properties, _ = view.people.directoryRecord(userObject, a.Of)
	}
	// Nothing of the request itself is looked at, nor what a client registered
	// under the name of one of our objects.
	d := view.Decide(&q, &Inputs{Now: now, Held: a.Held, Assurance: proven})
	return d, d.Cause
}

func (s *Service) viewAt(ctx context.Context, tenant string, revision int64) (*View, error) {
	view, err := s.view(ctx, tenant, revision, time.Now().Add(s.RevisionWait))
	if err == nil {
		err = view.reaches(revision)
	}
	return view, err
}

// ownObject tells the objects that Rolegate is administered by.
func ownObject(object string) bool { return strings.HasPrefix(object, "rolegate.") }
