package logbook

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"rolegate/internal/administration"
	"rolegate/internal/audit"
	"rolegate/internal/audit/search"
	"rolegate/internal/console/page"
	"rolegate/internal/console/reasons"
	"rolegate/model"
)

// whole is one entry in full.
type whole struct {
	row
	LeafHash  string
	Sealed    []segment
	Questions []question
	Explains  bool // the reader may ask why
}

// segment is what an entry seals for one person.
type segment struct {
	search.Sealed
	Number int // from 1
	Fields []field
}

type field struct{ Name, Value string }

// question is a decision of the entry, to be asked again.
type question struct {
	Item                            int // its number in a batch, from 1; 0 where there is none
	Subject, Action, Object, Record string
	Outcome                         audit.Outcome
	Code                            model.Code
	Link                            string
}

func (p *pages) entry(v *page.Visit, o *administration.Officer) error {
	index, err := strconv.ParseInt(v.Param("index"), 10, 64)
	if err != nil || index < 0 || index == 1<<63-1 || strconv.FormatInt(index, 10) != v.Param("index") {
		return &model.Error{Code: model.CodeNotFound}
	}
	e, sealed, err := o.LogEntry(v.Context(), index)
	if err != nil {
		return err
	}
	w := whole{row: row{e.Index, e.Leaf}, LeafHash: base64.StdEncoding.EncodeToString(e.LeafHash()),
		Explains: v.May(administration.Policies, administration.Explain)}
	for i, s := range sealed {
		w.Sealed = append(w.Sealed, segment{s, i + 1, fields(s.Content)})
	}
	w.Questions = questions(&e, sealed)
	return v.Render("entry.html", w)
}

// fields are a content in the order of its names.
func fields(content map[string]any) (all []field) {
	for _, name := range slices.Sorted(maps.Keys(content)) {
		value, ok := content[name].(string)
		if !ok {
			b, err := json.Marshal(content[name], json.Deterministic(true))
			if err != nil {
				b = fmt.Append(nil, content[name])
			}
			value = string(b)
		}
		all = append(all, field{name, value})
	}
	return all
}

// questions are the decisions an entry tells of, as far as the reader sees what was
// asked: by the leaf, what and how it ended, and by what is sealed, who and of which
// record, which may be in the segments of two people.
func questions(e *search.Entry, sealed []search.Sealed) []question {
	l := &e.Leaf
	if l.Activity != audit.Evaluated && l.Activity != audit.EvaluatedBatch && l.Activity != audit.Explained {
		return nil
	}
	one := func(i audit.Item, item int) question {
		return question{Item: item, Object: i.Object, Action: i.Op, Outcome: i.Outcome, Code: i.Code}
	}
	var all []question
	for n, i := range l.Items {
		all = append(all, one(i, n+1))
	}
	if l.Activity != audit.EvaluatedBatch {
		all = []question{one(audit.Item{Outcome: l.Outcome, Code: l.Code, Object: l.Object, Op: l.Op}, 0)}
	}
	for _, s := range sealed {
		if len(all) == 1 && all[0].Item == 0 {
			all[0].learn(s.Content)
		}
		members, _ := s.Content["members"].([]any)
		for _, m := range members {
			member, _ := m.(map[string]any)
			n, _ := member["item"].(float64)
			if i := int(n); i >= 0 && i < len(all) && all[i].Item > 0 {
				all[i].learn(member)
			}
		}
	}
	for i := range all {
		q := &all[i]
		q.Link = reasons.Ask(q.Subject, q.Action, q.Object, q.Record, strconv.FormatInt(e.Index, 10))
	}
	return all
}

// learn takes from what is sealed who asked for what.
func (q *question) learn(content map[string]any) {
	take := func(name string, into *string) {
		if s, ok := content[name].(string); ok && s != "" {
			*into = s
		}
	}
	take("subject", &q.Subject)
	take("action", &q.Action)
	var resource string
	take("resource", &resource)
	if typ, id, ok := strings.Cut(resource, ":"); ok {
		q.Object, q.Record = typ, id
	}
}

// PolicyHashText and the others are values of the leaf as people compare them.
func (w whole) PolicyHashText() string { return hex.EncodeToString(w.PolicyHash) }
func (w whole) PreviousText() string   { return hex.EncodeToString(w.PrevPolicy) }
func (w whole) SourceText() string     { return hex.EncodeToString(w.Source) }

// Began is when what the entry tells of began, where it was written later.
func (w whole) Began() time.Time {
	if w.Since == 0 {
		return time.Time{}
	}
	return time.UnixMicro(w.Since)
}

// Line is that of the row that decided, "" for none.
func (w whole) Line() string {
	_, line, _ := strings.Cut(w.Rule, ":")
	return line
}

// ActText is what the entry says of the log itself, "" for nothing.
func (w whole) ActText() string {
	if w.Act == nil {
		return ""
	}
	return string(w.Act.Kind)
}
