package server

import (
	"net/http"
	"strconv"

	"rolegate/internal/i18n"
	"rolegate/internal/policy"
)

// minRevisionHeader demands of every answer to a request what the member
// context.min_revision demands of one; of the two the larger counts.
const minRevisionHeader = "Rolegate-Min-Revision"

// revisionHeader tells the revision a write became where the answer has no body.
const revisionHeader = "Rolegate-Revision"

// demandedRevision is what the header demands, 0 where there is none. Two of
// them, or anything but digits, say nothing that could be kept to.
func demandedRevision(r *http.Request) (int64, error) {
	values := r.Header[minRevisionHeader]
	if len(values) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseUint(values[0], 10, 64)
	if len(values) > 1 || err != nil || n > maxRevision {
		return 0, invalid(i18n.RevisionHeader, minRevisionHeader)
	}
	return int64(n), nil
}

// maxRevision is no revision any more: there doubles, which JSON's numbers are
// to many, stop telling neighbours apart.
const maxRevision = 1 << 53

// isRevision tells whether a number can be a revision: whole, and exact in a double.
func isRevision(n float64) bool { return n >= 0 && n <= maxRevision && n == float64(int64(n)) }

// behindDetail tells how far an answer is from what was demanded.
func behindDetail(lang i18n.Lang, b *policy.Behind) string {
	return i18n.Sentence(lang, i18n.RevisionBehind, i18n.Words{
		"revision": strconv.FormatInt(b.Revision, 10), "demanded": strconv.FormatInt(b.Demanded, 10)})
}
