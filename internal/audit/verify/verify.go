// Package verify checks a log without keys and without trusting whoever keeps it:
// an exported bundle, or the store of a running service.
//
//	Source ──Entries──▶ hash ──▶ tree ──▶ matches every checkpoint and tile,
//	                     │                 and what the auditor has kept
//	                     ├──▶ segments: there and unaltered, or destroyed by a valid act
//	                     └──▶ order: numbers without a gap, times that do not run back
//
// Everything streams: memory holds the acts, the sources and the right edge of the
// tree. Whatever is wrong is a Fault that names the entry, and the rest is checked
// all the same.
package verify

import (
	"context"
)

// Options are what the auditor has kept. All may be empty.
type Options struct {
	Policy   *Policy   // who signs
	Known    [][]byte  // older checkpoints, notes
	Receipts []Receipt // by index
}

// Receipt is what an answer said of the entry that records it.
type Receipt struct {
	Index    int64  `json:"index"`
	LeafHash []byte `json:"leaf_hash"` // base64 in JSON
}

// Run verifies a source. What is wrong with the log is in the report; an error
// says that the source could not be read, so that nothing is known of it.
func Run(ctx context.Context, source Source, o Options) (Report, error) {
	panic("being written")
}
