package policy

import (
	"hash/maphash"

	"rolegate/model"
)

// compiler builds a ruleset from a document and a catalogue.
type compiler struct {
	*ruleset
	grantIDs map[[2]string]int32 // scope and condition → place in grants
	proofIDs map[proof]int32
	clauses  map[string]*clause
	unsuited []*Row // whose conditions do not suit the catalogue
}

// purpose is what a document is compiled for.
type purpose bool

const (
	// toPublish refuses a condition that does not suit the catalogue's types.
	toPublish purpose = false
	// asPublished takes a document that is in force, come what may: a condition
	// that does not suit is unknown, which opens nothing.
	asPublished purpose = true
)

// compile indexes a document under a catalogue.
func compile(doc *Document, cat *Catalog, p purpose) (*ruleset, error) {
	c := compiler{
		ruleset: &ruleset{
			number: numbers.Add(1), hash: doc.Hash, text: doc.Text, catalog: cat, routes: newRouteTable(cat.Routes),
			places:     make([]place, len(doc.Rows)),
			subjects:   map[string]subjectID{everything: star},
			names:      []string{everything},
			inherits:   map[string][]string{},
			objects:    make(map[string]*object, len(cat.Objects)),
			any:        newObject(everything, nil),
			fieldViews: fieldViews{seed: maphash.MakeSeed()},
		},
		grantIDs: map[[2]string]int32{}, proofIDs: map[proof]int32{},
		clauses: map[string]*clause{},
	}
	c.grants = append(c.grants, grant{scope: scope{kind: scopeAll}})
	c.grantIDs[[2]string{"all", ""}] = everythingGranted
	c.addCatalog()
	for _, l := range doc.RoleLinks {
		c.inherits[l.Role] = append(c.inherits[l.Role], l.Inherits)
	}
	for i := range doc.Rows {
		c.addRow(ruleID(i), &doc.Rows[i])
	}
	if p == toPublish && len(c.unsuited) > 0 {
		return nil, c.refusal()
	}
	for _, o := range c.objects {
		o.finish()
	}
	c.any.finish()
	c.cells = newCells(c.objects)
	return c.ruleset, nil
}

func newObject(name string, entry *Object) *object {
	return &object{name: name, entry: entry, actions: map[string]*rules{}}
}

func (c *compiler) addCatalog() {
	for name, entry := range c.catalog.Objects {
		o := newObject(name, entry)
		c.objects[name] = o
		for action := range entry.Actions {
			o.rules(action).requires = entry.required(action)
		}
	}
}

func (c *compiler) object(name string) *object {
	if name == everything {
		return c.any
	}
	o := c.objects[name]
	if o == nil {
		o = newObject(name, nil)
		c.objects[name] = o
	}
	return o
}

func (o *object) rules(action string) *rules {
	if action == everything {
		if o.rest == nil {
			o.rest = &rules{object: o, action: action}
		}
		return o.rest
	}
	r := o.actions[action]
	if r == nil {
		r = &rules{object: o, action: action}
		o.actions[action] = r
	}
	return r
}

func (c *compiler) addRow(id ruleID, row *Row) {
	c.places[id] = placeOf(row)
	o := c.object(row.Cells[colObject])
	e := rowRef{rule: id, subject: c.subject(row.Cells[colSubject])}
	if row.Kind == FieldRule {
		o.fields.add(e, row)
		return
	}
	r := o.rules(row.Cells[colAction])
	switch row.Kind {
	case Grant:
		e.what = c.grant(row, o)
		if row.Cells[colEffect] == deny {
			r.denials = append(r.denials, e)
		} else {
			r.allows = append(r.allows, e)
		}
	case Restriction:
		e.what = c.grant(row, o)
		r.addRare().limits = append(r.rare.limits, e)
	case Assurance:
		e.what = c.proof(row)
		r.addRare().proofs = append(r.rare.proofs, e)
	}
}

func (c *compiler) subject(key string) subjectID {
	id, met := c.subjects[key]
	if !met {
		id = subjectID(len(c.names))
		c.subjects[key] = id
		c.names = append(c.names, key)
	}
	return id
}

// grant numbers a scope with a condition. A restriction is a grant of
// everything under its condition.
func (c *compiler) grant(row *Row, o *object) int32 {
	text := row.condition()
	var cond *clause
	if text != "" {
		cond = c.clause(row, o, text)
	}
	scopeText := "all"
	if row.Kind == Grant {
		scopeText = row.Cells[colScope]
	}
	key := [2]string{scopeText, text}
	id, met := c.grantIDs[key]
	if !met {
		s, _ := parseScope(scopeText) // Parse has seen it
		id = int32(len(c.grants))
		c.grantIDs[key] = id
		c.grants = append(c.grants, grant{s, cond})
	}
	return id
}

func (c *compiler) proof(row *Row) int32 {
	level, _ := parseACR(row.Cells[colACR]) // Parse has seen them
	maxAge, limited, _ := parseMaxAge(row.Cells[colMaxAge])
	p := proof{level: level, maxAge: maxAge}
	if !limited {
		p.maxAge = anyAge
	}
	id, met := c.proofIDs[p]
	if !met {
		id = int32(len(c.proofs))
		c.proofIDs[p] = id
		c.proofs = append(c.proofs, p)
	}
	return id
}

// clause compiles a condition. It is held against the types of the row's object;
// of a row for every object, against no types.
func (c *compiler) clause(row *Row, o *object, text string) *clause {
	cl := c.clauses[text]
	if cl == nil {
		untyped, _ := compileCondition(text, nil) // nil opens nothing
		cl = &clause{text, untyped}
		c.clauses[text] = cl
	}
	if cl.untyped == nil || !suits(text, o.entry) {
		c.unsuited = append(c.unsuited, row)
	}
	return cl
}

func suits(text string, entry *Object) bool {
	_, err := compileCondition(text, entry)
	return err == nil
}

// refusal names the rows whose conditions do not suit the catalogue, at the place
// where reading the document would find it. The condition is shown, since the
// document may be at hand to nobody.
func (c *compiler) refusal() error {
	problems := make([]model.Detail, len(c.unsuited))
	for i, row := range c.unsuited {
		cells, problem := splitCells(nil, lineAt(c.text, row.at))
		if problem == nil {
			problem = checkCondition(cells, c.catalog)
		}
		problems[i] = model.Detail{Line: row.Line, Column: problem.column, Reason: model.Say("%s: %s", problem.reason, shown(row.condition()))}
	}
	return invalidDocument(problems, 0)
}

// finish puts the lists in the shape they are searched in.
func (o *object) finish() {
	if o.rest != nil {
		o.rest.finish()
	}
	for _, r := range o.actions {
		r.finish()
	}
	o.fields.finish()
}

func (r *rules) finish() {
	r.allows, r.denials = r.allows.finished(), r.denials.finished()
	if r.rare != nil {
		r.rare.limits, r.rare.proofs = r.rare.limits.finished(), r.rare.proofs.finished()
	}
}

func (r *rules) addRare() *rareRules {
	if r.rare == nil {
		r.rare = &rareRules{}
	}
	return r.rare
}
