package policy

import (
	"bytes"
	"crypto/sha256"
	"hash/maphash"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rolegate/model"
)

// maxDetails bounds the list of bad rows: a document of nothing but bad rows
// must not cost more memory to refuse than to accept.
const maxDetails = 10_000

// Document is an accepted policy document. It is immutable.
type Document struct {
	// Text is the document as given, without its member rows (each with the
	// comment that named it), with LF line ends. Parse(Text) gives the same rows
	// and role links; their lines count in Text.
	Text string

	Hash      []byte     // SHA-256 of Text
	Rows      []Row      // p, p2, p3 and p4 rows, in the order of Text
	RoleLinks []RoleLink // role → role g rows
	Members   []Member   // member → role g rows, for the directory to keep
	roles     []string
}

// Row is one p row.
type Row struct {
	Kind  Kind
	Cells [6]string // the columns after the kind; see columns
	Line  int       // in Document.Text
	at    uint32    // where its line begins in Document.Text
}

// Rule is the row as explanations name it.
func (d *Document) Rule(r *Row) model.Rule { return ruleAt(d.Text, r.at, r.Kind, r.Line) }

// ruleAt reads the row that begins at a byte of the text, and the comment
// directly above it. It is part of every decision, and so looks at no byte twice.
func ruleAt(text string, at uint32, kind Kind, line int) model.Rule {
	r := model.Rule{Kind: kind.String(), Line: line, Text: lineAt(text, at)}
	if at == 0 {
		return r
	}
	above := text[:at-1]
	above = above[strings.LastIndexByte(above, '\n')+1:]
	for len(above) > 0 && isBlank(above[0]) {
		above = above[1:]
	}
	if len(above) > 0 && above[0] == '#' {
		r.Name = strings.TrimSpace(strings.TrimLeft(above, "#"))
	}
	return r
}

// lineAt is the line that begins at a byte of the text, without the blanks at its end.
func lineAt(text string, at uint32) string {
	line := text[at:]
	if end := strings.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	for n := len(line); n > 0 && isBlank(line[n-1]); n-- {
		line = line[:n-1]
	}
	return line
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// RoleLink says that a role inherits another. Both are spelled "role:id".
type RoleLink struct {
	Role, Inherits string
	Line           int
}

// Member is a member row: the assignment, without a window, and its line in the
// text given to Parse.
type Member struct {
	model.Assignment
	Line int
}

// Roles lists the bare id of every role the document names, member rows
// included, sorted.
func (d *Document) Roles() []string { return d.roles }

// Parse reads a policy document: Casbin CSV rows p, p2, p3, p4 and g, blank
// lines, and comments (# …) of which the one directly above a row is its name.
// A document is accepted whole or refused whole: the error is a *model.Error
// whose Details list every bad row. Conditions are checked as far as they can be
// without a catalogue, and the limits are the highest there are; see ParseFor.
func Parse(text string) (*Document, error) { return ParseFor(text, nil, model.HighestLimits()) }

// ParseFor is Parse for a document that is about to be published: conditions are
// checked against the types of the catalogue's fields.
func ParseFor(text string, cat *Catalog, limits model.Limits) (*Document, error) {
	if int64(len(text)) > limits.Policy {
		return nil, model.Exceeded(model.SettingPolicy, limits.Policy, "the policy document has %d bytes", len(text))
	}
	text = strings.TrimPrefix(text, "\ufeff") // spreadsheets begin a CSV with a byte order mark
	first := parser{catalog: cat, inherited: limits.InheritedRoles}
	if err := first.read(text); err != nil {
		return nil, err
	}
	kept := text
	if first.changed {
		kept = string(first.kept)
	}
	return parseKept(kept, first.members)
}

// parseKept reads a document that was accepted before, and so has neither
// member rows nor mistakes, but for those a newer version may see.
func parseKept(text string, members []Member) (*Document, error) {
	p := parser{trusted: true}
	if err := p.read(text); err != nil {
		return nil, err
	}
	hash := sha256.Sum256([]byte(text))
	d := &Document{Text: text, Hash: hash[:], Rows: p.rows, RoleLinks: p.links, Members: members}
	d.roles = namedRoles(d)
	return d, nil
}

// parser gathers the rows of one document. Rows refused do not stop it: all
// must be named.
type parser struct {
	catalog   *Catalog // its types are what conditions are checked by; may be nil
	trusted   bool     // the text was accepted before
	inherited int      // roles one role may inherit at most

	line     int              // of the text given
	at       int              // where it begins
	cells    []cell           // of the line, reused
	seen     map[uint64]int32 // hash of a row met so far → its place in rows, or ^place in links
	seed     maphash.Seed
	problems []model.Detail
	unlisted int // problems beyond maxDetails

	rows    []Row
	links   []RoleLink
	members []Member
	linked  map[[2]string]int // g rows of either kind → line

	// What is kept of the text, once it differs from what was given.
	changed bool
	kept    []byte
	comment bool // the line before this one is a comment, and the last of kept
}

// read reads all lines, and gives what is wrong with them.
func (p *parser) read(text string) error {
	p.seen, p.seed, p.linked = map[uint64]int32{}, maphash.MakeSeed(), map[[2]string]int{}
	if !strings.HasSuffix(text, "\n") && text != "" {
		p.changed = true
	}
	for at := 0; at < len(text); {
		line, rest, _ := strings.Cut(text[at:], "\n")
		p.line++
		p.at = at
		p.readLine(line, text[:at])
		at = len(text) - len(rest)
	}
	if !p.trusted {
		p.problems = append(p.problems, checkInheritance(p.links, p.inherited)...)
		p.problems = append(p.problems, checkFieldNames(p.rows)...)
	}
	if len(p.problems) > 0 {
		return invalidDocument(p.problems, p.unlisted)
	}
	return nil
}

func (p *parser) readLine(line, before string) {
	if end := strings.TrimSuffix(line, "\r"); len(end) != len(line) {
		p.differ(before)
		line = end
	}
	trimmed := strings.TrimSpace(line)
	switch {
	case !utf8.ValidString(line):
		p.refuse(0, model.Say("the line is not valid UTF-8"))
	case strings.ContainsFunc(line, isHidden):
		p.refuse(strings.IndexFunc(line, isHidden)+1, model.Say("the line contains a control character"))
	case trimmed == "":
		p.keep(line, false)
	case trimmed[0] == '#':
		p.keep(line, true)
	default:
		p.readRow(line, before)
	}
}

// isHidden tells the characters no line may hold: NUL and its kind, which
// databases refuse and terminals obey.
func isHidden(r rune) bool { return r != '\t' && unicode.IsControl(r) }

func (p *parser) readRow(line, before string) {
	var problem *badCell
	p.cells, problem = splitCells(p.cells[:0], strings.TrimRight(line, " \t"))
	if problem == nil {
		problem = checkRow(p.cells)
	}
	if problem == nil && !p.trusted {
		problem = checkOffice(p.cells)
	}
	if problem == nil && !p.trusted {
		problem = checkCondition(p.cells, p.catalog)
	}
	if problem != nil {
		p.refuse(problem.column, problem.reason)
		return
	}
	if p.cells[0].text == "g" {
		p.addLink(line, before)
		return
	}
	row := Row{Kind: rowKinds[p.cells[0].text], Line: p.line, at: uint32(p.at)}
	for i, c := range p.cells[1:] {
		row.Cells[i] = c.text
	}
	if first := p.meet(&row); first > 0 {
		p.repeated(first)
		return
	}
	p.rows = append(p.rows, row)
	p.keep(line, false)
}

// meet notes a row, and gives the line of an equal one met before, or 0.
func (p *parser) meet(row *Row) int {
	var h maphash.Hash
	h.SetSeed(p.seed)
	h.WriteByte(byte(row.Kind))
	for _, c := range row.Cells {
		h.WriteString(c)
		h.WriteByte(0)
	}
	for key := h.Sum64(); ; key++ {
		i, met := p.seen[key]
		if !met {
			p.seen[key] = int32(len(p.rows))
			return 0
		}
		if other := &p.rows[i]; other.Kind == row.Kind && other.Cells == row.Cells {
			return other.Line
		}
	}
}

func (p *parser) repeated(first int) {
	p.refuse(0, model.Say("the row of line %d is repeated in line %d", first, p.line))
}

// addLink takes a g row: roles inherit in the document, members go to the
// directory and leave the text.
func (p *parser) addLink(line, before string) {
	member, role := p.cells[1].text, p.cells[2].text
	link := [2]string{member, role}
	if first, met := p.linked[link]; met {
		p.repeated(first)
		return
	}
	p.linked[link] = p.line
	if _, isRole := roleID(member); isRole {
		p.links = append(p.links, RoleLink{Role: member, Inherits: role, Line: p.line})
		p.keep(line, false)
		return
	}
	id, _ := roleID(role)
	p.members = append(p.members, Member{model.Assignment{Member: member, Role: id}, p.line})
	p.differ(before)
	p.dropName()
}

// differ notes that the text kept is no longer the text given, which it was up
// to here.
func (p *parser) differ(before string) {
	if !p.changed {
		p.changed = true
		p.kept = append(p.kept, before...)
	}
}

// dropName takes out the comment that named a member row. Where that would move
// an earlier comment directly above the next row, an empty line stays behind: a
// comment must not become the name of a row it was not written for.
func (p *parser) dropName() {
	if p.comment {
		p.kept = p.kept[:p.lastStart()]
	}
	p.comment = false
	if last := strings.TrimSpace(string(p.kept[p.lastStart():])); strings.HasPrefix(last, "#") {
		p.keep("", false)
	}
}

func (p *parser) keep(line string, comment bool) {
	if p.changed {
		p.kept = append(append(p.kept, line...), '\n')
	}
	p.comment = comment
}

// lastStart is where the last line of kept begins.
func (p *parser) lastStart() int {
	if len(p.kept) == 0 {
		return 0
	}
	return bytes.LastIndexByte(p.kept[:len(p.kept)-1], '\n') + 1
}

// refuse notes a bad row. A refused row still ends the reach of the comment
// above it.
func (p *parser) refuse(column int, reason model.Phrase) {
	p.comment = false
	if len(p.problems) == maxDetails {
		p.unlisted++
		return
	}
	p.problems = append(p.problems, model.Detail{Line: p.line, Column: column, Reason: reason})
}

func namedRoles(d *Document) []string {
	met := map[string]bool{}
	add := func(key string) {
		if id, ok := roleID(key); ok {
			met[id] = true
		}
	}
	for i := range d.Rows {
		add(d.Rows[i].Cells[colSubject])
	}
	for _, l := range d.RoleLinks {
		add(l.Role)
		add(l.Inherits)
	}
	for _, m := range d.Members {
		met[m.Role] = true
	}
	roles := make([]string, 0, len(met))
	for id := range met {
		roles = append(roles, id)
	}
	slices.Sort(roles)
	return roles
}

func invalidDocument(problems []model.Detail, unlisted int) error {
	for i := range problems {
		problems[i].Column = max(1, problems[i].Column) // a whole row begins at its first column
	}
	slices.SortStableFunc(problems, func(a, b model.Detail) int { return a.Line - b.Line })
	e := model.Errorf(model.CodePolicyInvalid, "the policy document has %s", badRows(len(problems)+unlisted))
	e.Details = capDetails(problems, unlisted)
	return e
}

// capDetails cuts the list at maxDetails and says how many it leaves out, beside
// those that were left out before.
func capDetails(problems []model.Detail, unlisted int) []model.Detail {
	if unlisted += max(0, len(problems)-maxDetails); unlisted == 0 {
		return problems
	}
	listed := slices.Clone(problems[:min(len(problems), maxDetails)])
	return append(listed, model.Detail{Reason: model.Say("%d more are not listed", unlisted)})
}

func badRows(n int) model.Phrase {
	if n == 1 {
		return model.Say("1 bad row")
	}
	return model.Say("%d bad rows", n)
}
