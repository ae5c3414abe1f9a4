package policy

import (
	"context"
	"time"

	"rolegate/api/filter"
	"rolegate/internal/audit"
	"rolegate/model"
)

// Filter answers for which records of a type the question would be allowed; the
// rest of its resource is not looked at. It is answered and recorded as a question
// is. The errors of Snapshot.Filter are errors here too: then there is no filter,
// and nothing may be listed.
func (s *Service) Filter(ctx context.Context, caller model.Caller, r Request) (l Listed, err error) {
	err = s.settle(ctx, caller, r.MinRevision, func(caller model.Caller, view *View, now time.Time) (audit.Entry, error) {
		if err := view.reaches(r.MinRevision); err != nil {
			return audit.Entry{}, err
		}
		in, denied, err := s.inputs(ctx, caller, view, &r, nil, now)
		switch {
		case err != nil:
			return audit.Entry{}, err
		case denied != "":
			l = Listed{Decision: view.denial(denied), Filter: filter.Filter{Kind: filter.Never}}
		default:
			if l, err = view.Filter(&r.Question, &in, s.Limits.FilterIDs); err != nil {
				return audit.Entry{}, err
			}
		}
		return filterEntry(caller, view, &r, &l, now), nil
	})
	if err != nil {
		return Listed{}, err
	}
	return l, nil
}

// filterEntry is the record of one filter: its leaf is a decision's, whose outcome
// is deny where the filter is never; which kind it is lies with the question,
// sealed for the subject.
func filterEntry(caller model.Caller, view *View, r *Request, l *Listed, now time.Time) audit.Entry {
	q := &r.Question
	a := answered{Decision: l.Decision, request: r}
	a.object, a.action = view.rules.literal(q.Resource.Type, q.Action.Name)
	e := entryOf(caller, a, now)
	e.Activity = audit.Filtered
	e.Personal = map[string]any{"subject": q.Subject.Type + ":" + q.Subject.ID, "action": q.Action.Name, "resource_type": q.Resource.Type, "kind": string(l.Filter.Kind)}
	return e
}
