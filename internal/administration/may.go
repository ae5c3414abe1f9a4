package administration

import (
	"context"

	"rolegate/internal/login"
	"rolegate/internal/policy"
	"rolegate/model"
)

// Enter is Officer for whoever comes with a session, as all that lets people
// administer does: nobody whose session can only enrol again, and with a second factor
// proven lately (fresh) to change anything or to read the log.
func (s *Service) Enter(ctx context.Context, session login.Session, authenticate func(context.Context) (login.Session, error),
	fresh func(context.Context, login.Session) error, object, action string) (*Officer, error) {
	if session.Restricted {
		return nil, &model.Error{Code: model.CodeReEnrolOnly}
	}
	o, err := s.Officer(ctx, authenticate, session.Caller.Tenant, object, action)
	if err != nil {
		return nil, err
	}
	if !looking[action] || object == AuditLog {
		if err := fresh(ctx, session); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// looking are the actions that change nothing.
var looking = map[string]bool{Read: true, Simulate: true}

// May tells whether a person may do an act to some record at all, or might with a
// second factor: what to offer. It is not recorded, and decides nothing.
func (s *Service) May(ctx context.Context, session login.Session, object, action string) bool {
	if session.Restricted {
		return false
	}
	c := session.Caller
	d, err := s.Policy.Administers(ctx, c.Tenant, 0, c.ID, session.Assurance, policy.Act{Object: object, Action: action, ID: model.AnyRecord})
	return err == nil && (d.Allow || d.Code == model.ReasonStepUp)
}
