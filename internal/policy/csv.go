package policy

import (
	"strconv"
	"strings"

	"rolegate/model"
)

// cell is one value of a row and where it begins: the 1-based byte column.
type cell struct {
	text   string
	column int
	quoted bool
}

// columnOf is the column of a byte of the cell's text, given from 0. In a
// quoted cell a quote takes two columns.
func (c cell) columnOf(offset int) int {
	if !c.quoted {
		return c.column + offset
	}
	return c.column + 1 + offset + strings.Count(c.text[:min(offset, len(c.text))], `"`)
}

// badCell says what is wrong with a row, and where.
type badCell struct {
	column int // 0 for the whole row
	reason model.Phrase
}

func bad(c cell, format string, args ...any) *badCell {
	return &badCell{column: c.column, reason: model.Say(format, args...)}
}

// shown quotes what was written for a reason, cut to a length people read.
func shown(s string) string {
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "…"
	}
	return strconv.Quote(s)
}

// splitCells cuts one line into cells by the rules Casbin's file adapter reads
// with (encoding/csv, leading blanks trimmed), so that both see the same row:
// a cell may stand in double quotes, with "" for a quote inside; a quoted cell
// ends on its line. Blanks before a cell are dropped; blanks after it belong to
// it, as they do for Casbin, and no name may end in one. The cells are appended
// to those given.
func splitCells(cells []cell, line string) ([]cell, *badCell) {
	at := 0
	for {
		at += len(line[at:]) - len(strings.TrimLeft(line[at:], " \t"))
		text, next, problem := nextCell(line, at)
		if problem != nil {
			return cells, problem
		}
		cells = append(cells, cell{text: text, column: at + 1, quoted: at < len(line) && line[at] == '"'})
		if next == len(line) {
			return cells, nil
		}
		at = next + 1 // past the comma
	}
}

// nextCell reads the cell at byte at and tells where its comma, or the end of
// the line, is.
func nextCell(line string, at int) (text string, next int, problem *badCell) {
	if at < len(line) && line[at] == '"' {
		return quotedCell(line, at)
	}
	text, _, _ = strings.Cut(line[at:], ",")
	if i := strings.IndexByte(text, '"'); i >= 0 {
		return "", 0, &badCell{at + i + 1, model.Say(`a quote stands inside an unquoted cell; quote the whole cell and write "" for a quote`)}
	}
	return text, at + len(text), nil
}

func quotedCell(line string, at int) (text string, next int, problem *badCell) {
	if end := strings.IndexByte(line[at+1:], '"'); end >= 0 { // as most: no quote inside
		if i := at + 1 + end; i+1 == len(line) || line[i+1] == ',' {
			return line[at+1 : i], i + 1, nil
		}
	}
	var b strings.Builder
	for i := at + 1; i < len(line); i++ {
		if line[i] != '"' {
			b.WriteByte(line[i])
			continue
		}
		if i+1 < len(line) && line[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		if i+1 < len(line) && line[i+1] != ',' {
			return "", 0, &badCell{i + 2, model.Say("a comma or the end of the line must follow the closing quote")}
		}
		return b.String(), i + 1, nil
	}
	return "", 0, &badCell{at + 1, model.Say("the quoted cell is not closed on its line")}
}
