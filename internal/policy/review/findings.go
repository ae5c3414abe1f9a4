package review

import (
	"cmp"
	"slices"

	"rolegate/internal/policy"
	"rolegate/model"
)

// Findings lists what is noticed about the document after, and about what it
// changes of before, in the order of the codes of model.FindingCodes and within
// a code in the order of lines. before may be nil: then nothing widens and
// nothing is new. catalog may be nil, for what needs none.
//
// Rows that change no answer (model.FindingShadowed and the three after it) are
// so whoever holds which roles, under this catalogue: each may be removed by
// itself. Widening errs on the side
// of naming too much: whatever a request gains under after has a row or link
// named here that it is gained by.
func Findings(before, after *policy.Document, catalog *policy.Catalog) []model.Finding {
	now := newTable(after, catalog)
	found := now.look()
	if before != nil {
		was := newTable(before, catalog)
		markNew(found, was.look())
		found = append(append(found, widening(was, now)...), nobodyLeft(was, now)...)
	}
	rank := map[model.FindingCode]int{}
	for i, code := range model.FindingCodes {
		rank[code] = i
	}
	for i := range found {
		found[i].Severity = found[i].Code.Severity()
	}
	slices.SortStableFunc(found, func(a, b model.Finding) int {
		return cmp.Or(rank[a.Code]-rank[b.Code], a.Line-b.Line, a.Row.Line-b.Row.Line)
	})
	return found
}

// look gives what is noticed about one document.
func (t *table) look() (found []model.Finding) {
	words := map[string]int{}
	for i := range t.rows {
		r := &t.rows[i]
		if r.Kind == "g" {
			continue
		}
		if f, does := t.idle(i, r); does {
			found = append(found, f)
		} else if f, does := t.lacks(r); does {
			found = append(found, f)
		}
		found = t.unlisted(found, words, r)
	}
	return append(found, t.duties()...)
}

// markNew tells which findings the document before has not.
func markNew(found, before []model.Finding) {
	type key struct {
		code             model.FindingCode
		text, role, word string
	}
	had := map[key]bool{}
	of := func(f *model.Finding) key {
		if f.Role != "" {
			return key{f.Code, "", f.Role, f.Word} // by whatever row
		}
		return key{f.Code, f.Row.Text, "", f.Word}
	}
	for i := range before {
		had[of(&before[i])] = true
	}
	for i := range found {
		found[i].New = !had[of(&found[i])]
	}
}

func finding(code model.FindingCode, r *model.PolicyRow, others ...model.PolicyRow) model.Finding {
	return model.Finding{Code: code, Line: r.Line, Row: *r, Others: others}
}
