package review

import (
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
// itself. Of two rows that say the same, one is named. Widening errs on the side
// of naming too much: whatever a request gains under after has a row or link
// named here that it is gained by.
func Findings(before, after *policy.Document, catalog *policy.Catalog) []model.Finding {
	panic("not written yet")
}
