package policy

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rolegate/model"
)

// maxDetails bounds the list of bad rows: a document of nothing but bad rows
// must not cost more memory to refuse than to accept.
const maxDetails = 10_000

// Document is an accepted policy document. It is immutable; rules found in
// decisions point into it.
type Document struct {
	// Text is the document as given, without its member rows (each with the
	// comment that named it), with LF line ends. Parse(Text) gives the same
	// rules and role links; their lines count in Text.
	Text string

	Hash      []byte        // SHA-256 of Text
	Rules     []*model.Rule // p, p2, p3 and p4 rows, in the order of Text
	RoleLinks []RoleLink    // role → role g rows
	Members   []Member      // member → role g rows, for the directory to keep
	roles     []string
}

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
// whose Details list every bad row. The limits are the highest there are: Parse
// reads what was accepted before.
func Parse(text string) (*Document, error) { return ParseWithin(text, model.HighestLimits()) }

// ParseWithin is Parse for a document that is about to be published.
func ParseWithin(text string, limits model.Limits) (*Document, error) {
	if int64(len(text)) > limits.Policy {
		return nil, model.Exceeded(model.SettingPolicy, limits.Policy, "the policy document has %d bytes", len(text))
	}
	p := &parser{seen: map[string]int{}}
	text = strings.TrimPrefix(text, "\ufeff") // spreadsheets begin a CSV with a byte order mark
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		p.line++
		p.readLine(line)
	}
	p.problems = append(p.problems, checkInheritance(p.links, limits.InheritedRoles)...)
	if len(p.problems) > 0 {
		return nil, invalidDocument(p.problems)
	}
	return p.document(), nil
}

// parser gathers the rows of one document. Rows refused do not stop it: all
// must be named.
type parser struct {
	line     int            // of the text given
	seen     map[string]int // rows met so far, and their line
	problems []model.Detail

	kept    []byte // Document.Text so far
	lines   int    // of kept
	comment bool   // the line before this one is a comment, and the last of kept
	rules   []*model.Rule
	links   []RoleLink // by their lines in the text given, while parsing
	shifted []int      // for each link, its line in kept
	members []Member
}

func (p *parser) readLine(line string) {
	trimmed := strings.TrimSpace(line)
	switch {
	case !utf8.ValidString(line):
		p.refuse(0, "the line is not valid UTF-8")
	case strings.ContainsFunc(line, isHidden):
		p.refuse(strings.IndexFunc(line, isHidden)+1, "the line contains a control character")
	case trimmed == "":
		p.keep(line, false)
	case trimmed[0] == '#':
		p.keep(line, true)
	default:
		p.readRow(strings.TrimRight(line, " \t\r"))
	}
}

// isHidden tells the characters no line may hold: NUL and its kind, which
// databases refuse and terminals obey.
func isHidden(r rune) bool { return r != '\t' && unicode.IsControl(r) }

func (p *parser) readRow(line string) {
	cells, problem := splitCells(line)
	if problem == nil {
		problem = checkRow(cells)
	}
	if problem != nil {
		p.refuse(problem.column, problem.reason)
		return
	}
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = strings.Clone(c.text) // not to keep the whole text alive for one rule
	}
	key := strings.Join(row, "\x00")
	if first, repeated := p.seen[key]; repeated {
		p.refuse(0, fmt.Sprintf("the row of line %d is repeated in line %d", first, p.line))
		return
	}
	p.seen[key] = p.line
	p.add(row[0], row[1:], line)
}

func (p *parser) add(kind string, row []string, line string) {
	if kind != "g" {
		name := p.nameAbove()
		p.keep(line, false)
		p.rules = append(p.rules, &model.Rule{Kind: kind, Row: row, Name: name, Line: p.lines})
		return
	}
	if _, isRole := roleID(row[0]); isRole {
		p.keep(line, false)
		p.links = append(p.links, RoleLink{Role: row[0], Inherits: row[1], Line: p.line})
		p.shifted = append(p.shifted, p.lines)
		return
	}
	role, _ := roleID(row[1])
	p.members = append(p.members, Member{model.Assignment{Member: row[0], Role: role}, p.line})
	p.dropName()
}

// nameAbove returns the comment directly above the current line.
func (p *parser) nameAbove() string {
	if !p.comment {
		return ""
	}
	return strings.TrimSpace(strings.TrimLeft(p.lastKept(), "#"))
}

// dropName takes out the comment that named a member row. Where that would move
// an earlier comment directly above the next row, an empty line stays behind: a
// comment must not become the name of a row it was not written for.
func (p *parser) dropName() {
	if p.comment {
		p.kept = p.kept[:p.lastStart()]
		p.lines--
	}
	p.comment = false
	if strings.HasPrefix(p.lastKept(), "#") {
		p.keep("", false)
	}
}

func (p *parser) keep(line string, comment bool) {
	p.kept = append(append(p.kept, line...), '\n')
	p.lines++
	p.comment = comment
}

// lastStart is where the last line of kept begins.
func (p *parser) lastStart() int {
	if len(p.kept) == 0 {
		return 0
	}
	return bytes.LastIndexByte(p.kept[:len(p.kept)-1], '\n') + 1
}

// lastKept is the last line of kept, without blanks around it.
func (p *parser) lastKept() string {
	return string(bytes.TrimSpace(p.kept[p.lastStart():]))
}

// refuse notes a bad row. A refused row still ends the reach of the comment
// above it.
func (p *parser) refuse(column int, reason string) {
	p.problems = append(p.problems, model.Detail{Line: p.line, Column: column, Reason: reason})
	p.comment = false
}

func (p *parser) document() *Document {
	d := &Document{Text: string(p.kept), Rules: p.rules, RoleLinks: p.links, Members: p.members}
	hash := sha256.Sum256(p.kept)
	d.Hash = hash[:]
	for i, line := range p.shifted {
		d.RoleLinks[i].Line = line
	}
	d.roles = namedRoles(d)
	return d
}

func namedRoles(d *Document) []string {
	var roles []string
	add := func(key string) {
		if id, ok := roleID(key); ok {
			roles = append(roles, id)
		}
	}
	for _, r := range d.Rules {
		add(r.Row[0])
	}
	for _, l := range d.RoleLinks {
		add(l.Role)
		add(l.Inherits)
	}
	for _, m := range d.Members {
		roles = append(roles, m.Role)
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

func invalidDocument(problems []model.Detail) error {
	for i := range problems {
		problems[i].Column = max(1, problems[i].Column) // a whole row begins at its first column
	}
	slices.SortStableFunc(problems, func(a, b model.Detail) int { return a.Line - b.Line })
	e := model.Errorf(model.CodePolicyInvalid, "the policy document has %s", count(len(problems), "bad row", "bad rows"))
	e.Details = capDetails(problems)
	return e
}

// capDetails cuts the list at maxDetails and says how many it leaves out.
func capDetails(problems []model.Detail) []model.Detail {
	if len(problems) <= maxDetails {
		return problems
	}
	rest := fmt.Sprintf("%d more are not listed", len(problems)-maxDetails)
	return append(slices.Clone(problems[:maxDetails]), model.Detail{Reason: rest})
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
