package policy

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"rolegate/internal/audit"
	"rolegate/model"
)

// Recalled is a question that the log has the answer to, as far as entryOf and
// batchEntry keep it: of what the request said of its subject, its record, its
// action and its context nothing is kept.
type Recalled struct {
	Index  int64 // of the entry
	At     time.Time
	Asked  model.Entity // the subject; zero where that is not to be read any more
	Action string
	Object string
	Record string // its id; "" where that is not to be read
	Erased bool   // what is not to be read was destroyed; else it was never kept
	Proven model.Assurance
	Unsaid bool // what was proven is not kept: of a member of a batch
	Client string

	Code       model.Code
	Rule       string // "p:12", of the document with this hash
	PolicyHash []byte
}

// Question is what is known of it.
func (r *Recalled) Question() model.Question {
	return model.Question{Subject: r.Asked, Action: model.Action{Name: r.Action}, Resource: model.Entity{Type: r.Object, ID: r.Record}}
}

// Recall reads the questions of an entry back, of which what it seals was opened
// (audit.Opening); nil stands for what was destroyed. There are none in entries that are
// no evaluation. Of what an entry only counts, since there was a flood of it, it gives
// how many there were.
func Recall(index int64, leaf *audit.Leaf, opened []map[string]any) (asked []Recalled, counted int) {
	if leaf.Activity != audit.Evaluated && leaf.Activity != audit.EvaluatedBatch {
		return nil, 0
	}
	if leaf.Count > 0 {
		return nil, int(leaf.Count)
	}
	plain := Recalled{
		Index: index, At: time.UnixMicro(leaf.Time).UTC(), Client: leaf.Service, PolicyHash: leaf.PolicyHash,
		Erased: slices.ContainsFunc(opened, func(part map[string]any) bool { return part == nil }),
	}
	if leaf.Level > 0 && leaf.Age >= 0 {
		plain.Proven = model.Assurance{Level: leaf.Level, AuthTime: plain.At.Add(-time.Duration(leaf.Age) * time.Second)}
	}
	if leaf.Activity == audit.Evaluated {
		plain.answer(&audit.Item{Code: leaf.Code, Object: leaf.Object, Op: leaf.Op, Rule: leaf.Rule})
		for _, part := range opened {
			plain.read(part)
		}
		return []Recalled{plain}, 0
	}
	plain.Proven, plain.Unsaid = model.Assurance{}, true
	asked = make([]Recalled, len(leaf.Items))
	for i := range leaf.Items {
		asked[i] = plain
		asked[i].answer(&leaf.Items[i])
	}
	for _, part := range opened {
		members, _ := part["members"].([]any)
		for _, m := range members {
			member, _ := m.(map[string]any)
			if at, is := member["item"].(float64); is && at >= 0 && int(at) < len(asked) {
				asked[int(at)].read(member)
			}
		}
	}
	return asked, 0
}

// answer takes over what the leaf says.
func (r *Recalled) answer(i *audit.Item) {
	r.Code, r.Object, r.Action, r.Rule = i.Code, i.Object, i.Op, i.Rule
}

// read takes over what a part seals.
func (r *Recalled) read(part map[string]any) {
	if typ, id, ok := keyOf(part["subject"]); ok {
		r.Asked = model.Entity{Type: typ, ID: id}
	}
	if action, _ := part["action"].(string); action != "" {
		r.Action = action
	}
	if typ, id, ok := keyOf(part["resource"]); ok {
		r.Object, r.Record = typ, id
	}
}

func keyOf(v any) (typ, id string, ok bool) {
	s, _ := v.(string)
	typ, id, ok = strings.Cut(s, ":")
	return typ, id, ok && typ != "" && id != ""
}

// Answered tells whether a decision is the one the log has: by the same code and, where
// the same document decided, by the same row.
func (r *Recalled) Answered(d *model.Decision) bool {
	rule := ""
	if !d.Rule.IsZero() {
		rule = d.Rule.Kind + ":" + strconv.Itoa(d.Rule.Line)
	}
	return d.Code == r.Code && (rule == r.Rule || !bytes.Equal(d.PolicyHash, r.PolicyHash))
}
