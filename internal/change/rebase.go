package change

import (
	"context"
	"slices"
	"strings"

	"rolegate/internal/audit"
	"rolegate/internal/directory"
	"rolegate/internal/policy"
	"rolegate/internal/policy/rewrite"
	"rolegate/internal/store"
	"rolegate/model"
)

// Conflict is what the draft and the policy in force both have changed, otherwise
// each: rows of one subject, object and action. Rebase keeps what is in force, since
// that was approved; whoever wants it otherwise writes it again, seeing both.
type Conflict struct {
	Row     string   // what they are about: "p, role:rep, deal, read"; CasesRow for the cases
	Yours   []string // the draft's rows, as written; empty where it has none any more
	InForce []string // likewise of the policy in force
}

// CasesRow is the Row of a conflict that is about the cases, each side's in one text.
const CasesRow = "cases"

// Rebase makes a draft one of the policy that is in force by now: row by row, with the
// changes of both. It is a draft again, whatever it was.
func (s *Service) Rebase(ctx context.Context, caller model.Caller, tenant, id string, version int64) (Draft, []Conflict, error) {
	d, err := seen(ctx, s.Store, tenant, id, version)
	if err != nil {
		return Draft{}, nil, err
	}
	r, err := s.rebasing(ctx, d)
	if err != nil {
		return Draft{}, nil, err
	}
	if r.now.Revision == d.Base {
		return d, nil, nil
	}
	d, err = s.step(ctx, caller, tenant, id, version, audit.DraftRebased, "", func(tx store.Tx, d *Draft) error {
		still, err := inForce(ctx, tx, tenant)
		if err != nil {
			return err
		}
		if still.Revision != r.now.Revision {
			return directory.ErrMoved
		}
		d.Document, d.Cases, d.Base = r.text, r.cases, r.now.Revision
		return s.written(d, caller)
	})
	if err != nil {
		return Draft{}, nil, err
	}
	return d, r.conflicts, nil
}

// Conflicts lists what Rebase would find both sides to have changed, as things are
// now: for whoever is about to.
func (s *Service) Conflicts(ctx context.Context, tenant, id string) ([]Conflict, error) {
	d, err := s.Draft(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	r, err := s.rebasing(ctx, d)
	return r.conflicts, err
}

// rebasing is what becomes of a draft over the policy in force.
type rebasing struct {
	now         Revision
	text, cases string
	conflicts   []Conflict
}

func (s *Service) rebasing(ctx context.Context, d Draft) (r rebasing, err error) {
	if !d.State.Open() {
		return r, over(&d)
	}
	if r.now, err = s.Current(ctx, d.Tenant); err != nil {
		return r, err
	}
	if r.now.Revision == d.Base {
		r.text, r.cases = d.Document, d.Cases
		return r, nil
	}
	base, err := s.published(ctx, d.Tenant, d.Base)
	if err != nil {
		return r, err
	}
	mine, err := s.Policy.ReadDraft(ctx, d.Tenant, d.Document)
	if err != nil {
		return r, err
	}
	if r.text, r.conflicts, err = mergeDocuments(base.Text, mine, r.now.Text); err != nil {
		return r, err
	}
	cases, clash := mergeCases(base.Cases, d.Cases, r.now.Cases)
	if r.cases = cases; clash != nil {
		r.conflicts = append(r.conflicts, *clash)
	}
	return r, nil
}

// mergeCases merges where the two changed different places; what both changed stays
// as it is in force.
func mergeCases(base, mine, theirs string) (string, *Conflict) {
	clash := false
	out := rewrite.Weave(linesOf(base), linesOf(mine), linesOf(theirs), func(base, mine, theirs []string) []string {
		if len(base) > 0 {
			clash = true
		}
		return slices.Concat(mine, theirs) // both added
	})
	if clash {
		return theirs, &Conflict{Row: CasesRow, Yours: []string{mine}, InForce: []string{theirs}}
	}
	return textOf(out), nil
}

// part is a row of a document with the comment that names it, or another line.
// Documents are merged part by part, so a row never loses its name to another.
type part struct {
	text string // its lines
	row  string // as written; "" for another line
	key  string // what the row is about, as conflicts show it
}

// partsOf takes an accepted document apart.
func partsOf(d *policy.Document) []part {
	lines := linesOf(d.Text)
	about := map[int]string{}
	for i := range d.Rows {
		r := &d.Rows[i]
		columns := 3
		if r.Kind == policy.FieldRule {
			columns = 4
		}
		about[r.Line-1] = strings.Join(append([]string{r.Kind.String()}, r.Cells[:columns]...), ", ")
	}
	for _, l := range d.RoleLinks {
		about[l.Line-1] = "g, " + l.Role + ", " + l.Inherits
	}
	var parts []part
	for i, line := range lines {
		key, isRow := about[i]
		if !isRow {
			parts = append(parts, part{text: line})
			continue
		}
		p := part{text: line, row: line, key: key}
		if n := len(parts); n > 0 && isComment(parts[n-1]) {
			p.text = parts[n-1].text + "\n" + line
			parts = parts[:n-1]
		}
		parts = append(parts, p)
	}
	return parts
}

func isComment(p part) bool {
	return p.row == "" && strings.HasPrefix(strings.TrimSpace(p.text), "#")
}

// mergeDocuments merges by what rows are about: of what only one side changed, that
// side's rows are taken; of what both changed, those in force. Where a line goes, the
// texts say.
func mergeDocuments(base string, mine *policy.Document, theirs string) (string, []Conflict, error) {
	var parts [3][]part
	for i, text := range []string{base, mine.Text, theirs} {
		d := mine
		if i != 1 {
			var err error
			if d, err = policy.Parse(text); err != nil {
				return "", nil, err
			}
		}
		parts[i] = partsOf(d)
	}
	wanted, conflicts := decide(parts)
	known := map[string]part{}
	var texts [3][]string
	for i, ps := range parts {
		for _, p := range ps {
			known[p.text] = p
			texts[i] = append(texts[i], p.text)
		}
	}
	out := rewrite.Weave(texts[0], texts[1], texts[2], func(base, mine, theirs []string) []string {
		var out []string
		for _, text := range mine {
			out = append(out, text)
			if p := known[text]; p.row != "" && !wanted[text] { // in its place what is wanted of theirs
				for _, text := range theirs {
					if known[text].key == p.key {
						out = append(out, text)
					}
				}
			}
		}
		for _, text := range theirs {
			other := known[text].row == "" && (slices.Contains(base, text) || slices.Contains(mine, text))
			if !other {
				out = append(out, text)
			}
		}
		return out
	})
	var merged []part
	add := func(p part) {
		if n := len(merged); p.row != "" && p.text == p.row && n > 0 && isComment(merged[n-1]) {
			merged = append(merged, part{}) // or the comment would name the row
		}
		merged = append(merged, p)
	}
	for _, text := range out {
		p := known[text]
		if p.row == "" {
			add(p)
		} else if wanted[text] {
			add(p)
			delete(wanted, text) // twice where both changed a place
		}
	}
	for _, ps := range [][]part{parts[2], parts[1]} { // what found no place, in the order of its text
		for _, p := range ps {
			if p.row != "" && wanted[p.text] {
				add(p)
				delete(wanted, p.text)
			}
		}
	}
	lines := make([]string, len(merged))
	for i, p := range merged {
		lines[i] = p.text
	}
	return textOf(lines), conflicts, nil
}

// decide says which rows the merged document has, and where both sides want other
// ones of the same thing.
func decide(parts [3][]part) (wanted map[string]bool, conflicts []Conflict) {
	type sides [3][]part
	about := map[string]*sides{}
	var keys []string
	for side, ps := range parts {
		for _, p := range ps {
			if p.row == "" {
				continue
			}
			if about[p.key] == nil {
				about[p.key] = new(sides)
				keys = append(keys, p.key)
			}
			about[p.key][side] = append(about[p.key][side], p)
		}
	}
	wanted = map[string]bool{}
	for _, key := range keys {
		s := about[key]
		take := s[2]
		switch {
		case sameRows(s[2], s[0]):
			take = s[1]
		case !sameRows(s[1], s[0]) && !sameRows(s[1], s[2]):
			conflicts = append(conflicts, Conflict{Row: key, Yours: rowsOf(s[1]), InForce: rowsOf(s[2])})
		}
		for _, p := range take {
			wanted[p.text] = true
		}
	}
	return wanted, conflicts
}

// sameRows compares rows and their names, in whatever order. Role links have none: a
// comment above one says nothing of it.
func sameRows(a, b []part) bool {
	if len(a) != len(b) {
		return false
	}
	return !slices.ContainsFunc(a, func(p part) bool {
		return !slices.ContainsFunc(b, func(o part) bool { return p == o || p.row == o.row && strings.HasPrefix(p.key, "g, ") })
	})
}

func rowsOf(ps []part) (rows []string) {
	for _, p := range ps {
		rows = append(rows, p.row)
	}
	return rows
}

// linesOf takes a canonical text apart, textOf puts it together.
func linesOf(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func textOf(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}
