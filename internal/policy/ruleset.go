package policy

import (
	"hash/maphash"
	"slices"
	"sync/atomic"
	"time"

	"rolegate/internal/policy/condition"
	"rolegate/model"
)

// subjectID numbers the subjects rows name.
type subjectID int32

// star is the subject every registered subject is.
const star subjectID = 0

// ruleID numbers the rows of a document, in its order.
type ruleID int32

// noRule is no row; as a bound it is behind all of them.
const noRule ruleID = 1<<31 - 1

// ruleset is a document under a catalogue, compiled: for each object and action
// the rows that could apply, wildcards apart. It knows nobody. Immutable, and
// shared by all snapshots of its policy and catalogue.
type ruleset struct {
	number  uint64 // see numbers
	hash    []byte // SHA-256 of text
	policy  int64  // as which revision it was published; 0 where it was not
	text    string // of the document, for explanations
	catalog *Catalog
	routes  routeTable
	places  []place // of each rule in text

	subjects   map[string]subjectID
	names      []string            // subjectID → key
	inherits   map[string][]string // role key → role keys
	holders    holders
	fieldViews fieldViews
	fieldBytes atomic.Int64 // that tables of fields take, about

	objects map[string]*object
	any     *object // rows for object *
	cells   cells   // the rules of each object's own actions, to be found at once

	grants []grant // distinct scopes with conditions
	proofs []proof // distinct demands
}

// place is where a row stands in the text, and of which kind it is. A text of 256
// MiB has no more than 2^28 lines.
type place struct {
	at   uint32
	line uint32 // and above it, in two bits, the kind
}

const lineBits = 30

func placeOf(r *Row) place { return place{r.at, uint32(r.Line) | uint32(r.Kind)<<lineBits} }

// grant is what a p row says beside whom, what and how: which records.
type grant struct {
	scope scope
	cond  *clause // nil for none
}

// everythingGranted is the place in grants of scope all without a condition,
// which most rows have.
const everythingGranted = 0

// clause is a condition as rows write it. What it means can depend on the
// types the catalogue gives the object asked about.
type clause struct {
	text    string
	untyped *condition.Condition
}

// object is what is known about a kind of record: the catalogue's entry and the
// rows that name it.
type object struct {
	name    string
	entry   *Object // the catalogue's; nil for none
	actions map[string]*rules
	rest    *rules // rows for action *; nil for none
	fields  fieldRules
	typed   typed
}

// rules are the rows for one object and action.
type rules struct {
	object          *object
	action          string
	allows, denials rowList // p
	rare            *rareRules
	requires        []string // of the catalogue: all that must be allowed too, directly or by others, each once
}

// rareRules are the rows that few objects and actions have.
type rareRules struct {
	limits rowList // p2
	proofs rowList // p4
}

var noRareRules rareRules

// limits and proofs are the rows that restrict, and that ask for assurance; r may
// be nil.
func (r *rules) limits() rowList { return r.rarely().limits }
func (r *rules) proofs() rowList { return r.rarely().proofs }

func (r *rules) rarely() *rareRules {
	if r == nil || r.rare == nil {
		return &noRareRules
	}
	return r.rare
}

// proof is what a p4 row asks for.
type proof struct {
	level  int
	maxAge time.Duration // anyAge: no limit
}

const anyAge = -1

// target is where the rows about one question stand: those for its object and
// action, and those with a star for either or both.
type target struct {
	object  *object // nil: the word means nothing
	action  string
	from    [4]*rules // nil where there are none
	known   bool      // the action means something; see decision 0008
	literal bool
}

// target finds the rows of an action on an object.
func (rs *ruleset) target(object, action string) target {
	c := target{action: action}
	if r := rs.cells.find(object, action); r != nil {
		c.object, c.from[0] = r.object, r
	} else if c.object = rs.objects[object]; c.object == nil {
		return c
	}
	c.from[1] = c.object.rest
	if len(rs.any.actions) > 0 {
		c.from[2] = rs.any.actions[action]
	}
	c.from[3] = rs.any.rest
	c.literal = c.from[0] != nil || c.from[2] != nil
	c.known = c.literal || c.object.rest != nil && c.object.entry == nil
	return c
}

// cells finds rules by object and action with few looks at memory. It is a hash
// table of a power of two places, at most half full; collisions go to the next.
type cells []*rules

func newCells(objects map[string]*object) cells {
	n := 0
	for _, o := range objects {
		n += len(o.actions)
	}
	size := 1
	for size < 2*n+1 {
		size *= 2
	}
	t := make(cells, size)
	for _, o := range objects {
		for _, r := range o.actions {
			i := cellHash(o.name, r.action)
			for t[int(i)&(size-1)] != nil {
				i++
			}
			t[int(i)&(size-1)] = r
		}
	}
	return t
}

func (t cells) find(object, action string) *rules {
	for i := cellHash(object, action); ; i++ {
		r := t[int(i)&(len(t)-1)]
		if r == nil || r.action == action && r.object.name == object {
			return r
		}
	}
}

func cellHash(object, action string) uint64 {
	return maphash.String(tableSeed, object) ^ 3*maphash.String(tableSeed, action)
}

// requires are the actions of the object that must be allowed too.
func (c *target) requires() []string {
	if c.from[0] == nil {
		return nil
	}
	return c.from[0].requires
}

// enabled is false for an object the catalogue switches off.
func (o *object) enabled() bool { return o.entry == nil || o.entry.Enabled }

// literal gives back the object and the action where policy or catalogue have
// them word for word, and "" for what only a request says.
func (rs *ruleset) literal(object, action string) (string, string) {
	c := rs.target(object, action)
	switch {
	case c.object == nil:
		return "", ""
	case c.from[0] != nil:
		return c.object.name, c.from[0].action
	case c.from[2] != nil:
		return c.object.name, c.from[2].action
	}
	return c.object.name, ""
}

// actionsOf lists the actions that mean something on an object, sorted.
func (rs *ruleset) actionsOf(o *object) []string {
	var names []string
	for name := range o.actions {
		names = append(names, name)
	}
	for name := range rs.any.actions {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// rule is a row as explanations name it.
func (rs *ruleset) rule(id ruleID) model.Rule {
	if id == noRule {
		return model.Rule{}
	}
	p := rs.places[id]
	return ruleAt(rs.text, p.at, Kind(p.line>>lineBits), int(p.line&(1<<lineBits-1)))
}

// eval is the clause's truth for what is asked; what nobody can read is unknown.
func (c *clause) eval(a *asking) truth {
	if cond := a.object.condition(c); cond != nil {
		return truthFrom(cond.Eval(a.conditionFacts()))
	}
	return unknown
}

// canBe tells whether the clause can have a truth for some record.
func (c *clause) canBe(a *asking, t condition.Truth) bool {
	if cond := a.object.condition(c); cond != nil {
		return cond.Possible(a.conditionFacts()).Has(t)
	}
	return t == condition.Unknown
}
