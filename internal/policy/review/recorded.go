package review

import (
	"context"
	"fmt"
	"slices"

	"rolegate/internal/policy"
	"rolegate/model"
)

// Requests are requests of the log, of which Counted have nothing but their number.
type Requests struct {
	Each    []policy.Recalled
	Counted int
	// Stored gives the registered record of a question, or nil.
	Stored func(ctx context.Context, r model.Entity) (*model.Resource, error)
}

// Bounds of what is listed of recorded requests. Whoever is named is told so in the log.
const (
	MaxRequestShifts = 100
	maxEntries       = 5 // of one shift
)

// Replay asks recorded requests again under both views, as of the moment each came, and
// gathers who would be answered otherwise. It compares only what is certain:
//
//   - Where both documents have the same rows about a request, it is answered alike.
//   - Where before does not give the answer that the log has, the request was another one
//     than is known, or the world was: what after makes of it says nothing.
//   - Where what after answers hangs on what the log does not say, neither does that.
//
// The times and the number of all there are, of which these are some, are the caller's.
func Replay(ctx context.Context, before, after *policy.View, asked Requests) (model.Recorded, error) {
	r := replay{before: before, after: after, rows: policy.Compare(before, after), stored: asked.Stored,
		found: gathered{}, lost: map[model.UnseenKind]int{model.UnseenCounted: asked.Counted}}
	for i := range asked.Each {
		if err := ctx.Err(); err != nil {
			return model.Recorded{}, err
		}
		lost, err := r.ask(ctx, &asked.Each[i])
		if err != nil {
			return model.Recorded{}, err
		}
		if lost != "" {
			r.lost[lost]++
		} else {
			r.out.Compared++
		}
	}
	r.out.Shifts, r.out.Unlisted = r.found.list(MaxRequestShifts)
	for _, s := range r.found {
		r.out.Different += s.Samples
	}
	r.out.Same = r.out.Compared - r.out.Different
	for _, kind := range lostOrder {
		if n := r.lost[kind]; n > 0 {
			r.out.Left = append(r.out.Left, model.Unseen{What: kind, Of: n})
		}
	}
	return r.out, nil
}

var lostOrder = []model.UnseenKind{model.UnseenOther, model.UnseenUnsaid, model.UnseenGone, model.UnseenErased, model.UnseenCounted}

// replay is one Replay on its way.
type replay struct {
	before, after *policy.View
	rows          *policy.Comparison
	stored        func(context.Context, model.Entity) (*model.Resource, error)
	found         gathered
	lost          map[model.UnseenKind]int
	out           model.Recorded
}

// ask asks one again and notes a difference. It gives why it could not be compared, if it
// could not.
func (r *replay) ask(ctx context.Context, asked *policy.Recalled) (lost model.UnseenKind, err error) {
	q := asked.Question()
	if q.Subject.ID == "" || q.Action.Name == "" || q.Resource.Type == "" {
		return missing(asked), nil
	}
	in := policy.Inputs{Now: asked.At, Assurance: asked.Proven, Client: asked.Client}
	named := q.Resource.ID != ""
	if !named {
		q.Resource.ID = model.AnyRecord // for rows only
	} else if in.Stored, err = r.stored(ctx, q.Resource); err != nil {
		return "", err
	}
	was := r.before.Decide(&q, &in)
	switch {
	case was.Code != asked.Code && gone[was.Code]:
		return model.UnseenGone, nil
	case r.rows.Alike(&q, &in):
		return "", nil
	case !named:
		return missing(asked), nil
	}
	return r.compare(asked, &q, &in)
}

// compare answers a request under both policies, with what was proven; where that is not
// known, with nothing and with all there is, and then both must come to the same.
func (r *replay) compare(asked *policy.Recalled, q *model.Question, in *policy.Inputs) (lost model.UnseenKind, err error) {
	proofs := []model.Assurance{asked.Proven}
	if asked.Unsaid {
		proofs = []model.Assurance{{}, {Level: 3, AuthTime: asked.At}}
	}
	type answers struct{ was, is model.Decision }
	var met []answers
	for _, in.Assurance = range proofs {
		a := answers{r.before.Decide(q, in), r.after.Decide(q, in)}
		for _, d := range []*model.Decision{&a.was, &a.is} {
			if d.Code == model.CodeInternal {
				return "", fmt.Errorf("replay entry %d: %w", asked.Index, d.Cause)
			}
		}
		if !asked.Answered(&a.was) {
			continue
		}
		if !r.after.Sure(q, in) || len(met) > 0 && a.is.Code != met[0].is.Code {
			return model.UnseenUnsaid, nil
		}
		met = append(met, a)
	}
	if met == nil {
		return model.UnseenOther, nil
	}
	if at := r.found.note(q, &met[0].was, &met[0].is); at != nil && len(at.Entries) < maxEntries && !slices.Contains(at.Entries, asked.Index) {
		at.Entries = append(at.Entries, asked.Index)
	}
	return "", nil
}

// gone are the codes of questions about what is not there.
var gone = map[model.Code]bool{model.ReasonSubjectUnknown: true, model.ReasonSubjectDisabled: true, model.ReasonObjectUnknown: true, model.ReasonActionUnknown: true}

func missing(asked *policy.Recalled) model.UnseenKind {
	if asked.Erased {
		return model.UnseenErased
	}
	return model.UnseenUnsaid
}
