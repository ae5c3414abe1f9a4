// Package rewrite changes single rows of a policy document's text, and brings
// together what two people made of one. It touches no line it need not: people
// order and comment their documents, and find them so afterwards.
//
// Texts are as Normal makes them: LF line ends, and one at the end. Lines are
// counted from 1. A row's name is the comment directly above it; whatever is
// done to one row, all others keep theirs.
package rewrite

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"rolegate/model"
)

// Row is a row to be written: its kind, the columns after it, and its name, ""
// for none.
type Row struct {
	Kind  string
	Cells []string
	Name  string
}

// Line is the row as a line of a document, without its name and its line end.
// Whatever is in a cell, policy.Parse reads it back, or refuses the row for it.
func (r Row) Line() string { return line(append([]string{r.Kind}, r.Cells...)) }

func line(cells []string) string {
	written := make([]string, len(cells))
	for i, c := range cells {
		written[i] = quoted(c)
	}
	return strings.Join(written, ", ")
}

// quoted is a cell, in quotes where it needs them.
func quoted(cell string) string {
	if strings.ContainsAny(cell, `",`) || strings.Trim(cell, " \t") != cell || strings.HasPrefix(cell, "#") {
		return `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
	}
	return cell
}

// Locate tells which cell of the line that Line writes has a byte column, counted
// from 0 for the kind, and at which byte of the cell's own text that is.
func (r Row) Locate(column int) (cell, offset int) {
	at := 1 // of the cell being looked at
	cells := append([]string{r.Kind}, r.Cells...)
	for i, c := range cells {
		written := quoted(c)
		if column < at+len(written)+len(", ") || i == len(cells)-1 {
			offset = max(0, column-at)
			if len(written) != len(c) { // past the opening quote, and every quote is two
				inside := written[1:min(max(offset, 1), len(written)-1)]
				offset = len(strings.ReplaceAll(inside, `""`, `"`))
			}
			return i, min(offset, len(c))
		}
		at += len(written) + len(", ")
	}
	return 0, 0
}

// check refuses what no line can hold.
func (r Row) check() error {
	for i, c := range append([]string{r.Kind}, r.Cells...) {
		if !utf8.ValidString(c) || strings.ContainsFunc(c, func(c rune) bool { return c != '\t' && unicode.IsControl(c) }) {
			return model.Errorf(model.CodeInvalidRequest, "column %d of the row holds a line break or another character that cannot be seen", i+1)
		}
	}
	return nil
}

// comment is the line that gives a name; "" for none.
func comment(name string) string {
	name = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(name, "\uFFFD"))
	if name = strings.TrimSpace(name); name == "" {
		return ""
	}
	return "# " + name
}

// Normal is a text as policy.Parse keeps it, whatever a spreadsheet or an editor made
// of its line ends.
func Normal(text string) string {
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text
}

// Insert writes a row behind a line, 0 for the top. It goes behind the line below
// where it would come between a name and its row.
func Insert(text string, behind int, r Row) (string, error) {
	if err := r.check(); err != nil {
		return "", err
	}
	lines := split(text)
	at := min(max(behind, 0), len(lines))
	for at < len(lines) && at > 0 && isName(lines[at-1]) && isRow(lines[at]) {
		at++
	}
	name := comment(r.Name)
	var added []string
	if name != "" {
		added = append(added, name)
	} else if at > 0 && isName(lines[at-1]) {
		added = append(added, "") // that comment is not its name
	}
	return join(lines[:at], append(added, r.Line()), lines[at:]), nil
}

// Replace writes a row in the place of the one on a line. A name that stays the same
// stays as it was written.
func Replace(text string, at int, r Row) (string, error) {
	if err := r.check(); err != nil {
		return "", err
	}
	lines, from, err := named(text, at)
	if err != nil {
		return "", err
	}
	name := comment(r.Name)
	var head []string
	switch {
	case name == comment(nameOf(lines, at)):
		head = lines[from : at-1]
	case name != "":
		head = []string{name}
	case from > 0 && isName(lines[from-1]):
		head = []string{""}
	}
	return join(lines[:from], append(head[:len(head):len(head)], r.Line()), lines[at:]), nil
}

// Delete takes out the row on a line, and its name.
func Delete(text string, at int) (string, error) {
	lines, from, err := named(text, at)
	if err != nil {
		return "", err
	}
	var left []string
	if from > 0 && isName(lines[from-1]) && at < len(lines) && isRow(lines[at]) {
		left = []string{""} // what is above must not become the next row's name
	}
	return join(lines[:from], left, lines[at:]), nil
}

// Name is the name of the row on a line, "" for none.
func Name(text string, at int) string {
	lines := split(text)
	if at < 1 || at > len(lines) {
		return ""
	}
	return nameOf(lines, at)
}

func nameOf(lines []string, at int) string {
	if at < 2 || !isName(lines[at-2]) {
		return ""
	}
	return strings.TrimSpace(strings.TrimLeft(strings.TrimLeft(lines[at-2], " \t"), "#"))
}

// named finds the row on a line, and where it begins with its name.
func named(text string, at int) (lines []string, from int, err error) {
	lines = split(text)
	if at < 1 || at > len(lines) || !isRow(lines[at-1]) {
		return nil, 0, model.Errorf(model.CodeInvalidRequest, "line %d has no row", at)
	}
	from = at - 1
	if from > 0 && isName(lines[from-1]) {
		from--
	}
	return lines, from, nil
}

// isName tells whether a line names a row that stands directly below it.
func isName(line string) bool { return strings.HasPrefix(strings.TrimLeft(line, " \t"), "#") }

func isRow(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && line[0] != '#'
}

// split cuts a text into its lines.
func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func join(parts ...[]string) string {
	var b strings.Builder
	for _, lines := range parts {
		for _, l := range lines {
			b.WriteString(l)
			b.WriteByte('\n')
		}
	}
	return b.String()
}
