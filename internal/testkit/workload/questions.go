package workload

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"rolegate/model"
)

// Request is one call of a CRM backend: a question about a record or about any
// record (a list filter), or a batch about the records of a page.
type Request struct {
	Kind      Kind
	Questions []model.Question
}

// Kind is what a request is.
type Kind string

const (
	Single Kind = "single"
	List   Kind = "list"
	Batch  Kind = "batch"
)

// BatchSize is the number of questions in a batch.
const BatchSize = 50

// Questions streams questions about single records, without end.
func (t *Tenant) Questions(seed uint64) iter.Seq[model.Question] {
	return t.stream(seed, func(a *asker) model.Question { return a.about(a.draw()) })
}

// Lists streams questions about any record: may she list them at all?
func (t *Tenant) Lists(seed uint64) iter.Seq[model.Question] {
	return t.stream(seed, func(a *asker) model.Question { return a.list(a.draw()) })
}

// Requests streams requests, a third of each kind, without end.
func (t *Tenant) Requests(seed uint64) iter.Seq[Request] {
	return func(yield func(Request) bool) {
		a := t.asker(seed)
		for {
			ask := a.draw()
			r := Request{Kind: List, Questions: []model.Question{a.list(ask)}}
			switch a.rng.IntN(3) {
			case 0:
				r = Request{Kind: Single, Questions: []model.Question{a.about(ask)}}
			case 1:
				r = Request{Kind: Batch}
				for range BatchSize {
					r.Questions = append(r.Questions, a.about(ask))
				}
			}
			if !yield(r) {
				return
			}
		}
	}
}

func (t *Tenant) stream(seed uint64, next func(*asker) model.Question) iter.Seq[model.Question] {
	return func(yield func(model.Question) bool) {
		for a := t.asker(seed); yield(next(a)); {
		}
	}
}

// asker draws questions.
type asker struct {
	*Tenant
	rng *rand.Rand
}

func (t *Tenant) asker(seed uint64) *asker {
	return &asker{t, rand.New(rand.NewPCG(t.seed, seed<<8|2))}
}

// ask is who asks for what.
type ask struct {
	user           int
	object, action string
}

func (a *asker) draw() ask {
	s := a.shape
	user := a.rng.IntN(s.Users)
	cell := a.rng.IntN(s.Objects * s.Actions)
	if held := a.held[user]; a.rng.Float64() < s.Aim && len(held) > 0 {
		cells := a.cells[held[a.rng.IntN(len(held))]]
		cell = int(cells[a.rng.IntN(len(cells))])
	}
	return ask{user, a.names.objects[cell/s.Actions], a.names.actions[cell%s.Actions]}
}

func (a *asker) question(k ask, id string) model.Question {
	q := model.Question{
		Subject:  model.Entity{Type: "user", ID: a.names.users[k.user]},
		Action:   model.Action{Name: k.action},
		Resource: model.Entity{Type: k.object, ID: id},
	}
	if a.shape.Scoped {
		q.Context = map[string]any{"ip": fmt.Sprintf("10.%d.%d.7", a.rng.IntN(256), a.rng.IntN(256))}
	}
	return q
}

// list is the question without a record.
func (a *asker) list(k ask) model.Question { return a.question(k, model.AnyRecord) }

// about is the question about some record. One in two names fields, where there
// are any.
func (a *asker) about(k ask) model.Question {
	q := a.question(k, fmt.Sprintf("%07d", a.rng.IntN(10_000_000)))
	q.Resource.Properties = a.record(k.user)
	if n := len(a.names.fields); n > 0 && a.rng.IntN(2) == 0 {
		first := a.rng.IntN(n)
		var fields []any
		for i := range 4 {
			fields = append(fields, a.names.fields[(first+i*5)%n])
		}
		q.Action.Properties = map[string]any{"fields": fields}
	}
	return q
}

// record makes a record that has more to do with the user than one drawn from
// all would have: people ask about what they see. Every attribute is sent.
func (a *asker) record(user int) map[string]any {
	n := a.names
	r := map[string]any{
		"owner":  a.owner(user),
		"amount": float64(a.rng.IntN(100_000)),
		"stage":  []string{"open", "qualified", "won", "lost", "locked"}[min(a.rng.IntN(33)/8, 4)],
	}
	if !a.shape.Scoped {
		return r
	}
	me := a.Directory.Subjects[user]
	r["created_by"] = n.users[a.rng.IntN(len(n.users))]
	r["assignees"] = []any{n.users[a.rng.IntN(len(n.users))]}
	r["teams"] = []any{n.teams[a.rng.IntN(len(n.teams))]}
	r["unit"] = n.units[a.rng.IntN(units)]
	if a.rng.IntN(3) == 0 {
		r["teams"] = []any{me.Teams[0]}
		r["unit"] = me.Unit
	}
	r["territory"] = n.territories[a.rng.IntN(territories)]
	r["account"] = account(a.rng)
	r["contacts"] = []any{contact(a.rng)}
	r["shares"] = nil
	if a.rng.IntN(4) == 0 {
		to := []string{"user:" + n.users[user], "team:" + me.Teams[0], "role:" + n.roles[len(n.roles)-1], "*"}[a.rng.IntN(4)]
		r["shares"] = []any{map[string]any{"to": to, "actions": []any{"read", "update"}}}
	}
	r["region"] = regions[a.rng.IntN(len(regions))]
	r["name"] = string(rune('A'+a.rng.IntN(26))) + "lpha"
	r["tags"] = []any{[]string{"vip", "new", "old"}[a.rng.IntN(3)]}
	r["updated_at"] = since.Add(time.Duration(a.rng.IntN(365*24)) * time.Hour).Format(time.RFC3339)
	return r
}

// since is the start of the year that records were updated in.
var since = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// owner is the user in three cases of ten, a report in two, seldom nobody, else
// anybody.
func (a *asker) owner(user int) any {
	n := a.rng.IntN(10)
	reports := a.below[user]
	switch {
	case n < 3:
		return a.names.users[user]
	case n < 5 && len(reports) > 0:
		return a.names.users[reports[a.rng.IntN(len(reports))]]
	case n == 9 && a.rng.IntN(4) == 0:
		return nil
	}
	return a.names.users[a.rng.IntN(len(a.names.users))]
}

func account(rng *rand.Rand) string { return fmt.Sprintf("account%04d", rng.IntN(5000)) }
func contact(rng *rand.Rand) string { return fmt.Sprintf("contact%04d", rng.IntN(5000)) }
