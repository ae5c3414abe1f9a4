// Package bundle is the form in which the log leaves the house: a directory that an
// auditor verifies without keys and without network. docs/audit.md describes it.
//
//	manifest.json                 what it is a bundle of; see Manifest
//	checkpoint                    the newest, a signed note (C2SP tlog-checkpoint)
//	checkpoints/<number>.cborseq  all of them
//	acts/<number>.cborseq         the entries that hold acts
//	entries/<number>.cborseq      everything that is stored
//	tile/<level>/…                hashes (C2SP tlog-tiles), full tiles only
//
// The .cborseq files of a directory, numbered from 0, are one CBOR sequence
// (RFC 8742) in deterministic encoding, of
//
//	[leaf, [[place, ref, salt, commitment, ciphertext], …]]    a whole entry, and its sealed segments that are there
//	h'…'                                                       an entry's leaf hash alone
//	[number, h'…']                                             so many entries left out, and the hashes of their subtrees
//	null                                                       an entry that is missing
//	[index, leaf or null, [segment, …]]                        something stored where the log has no entry
//
// in entries, of [index, leaf] in acts and of [size, note] in checkpoints. There is
// no key in a bundle, and nothing but segments is personal data, sealed.
//
// Write makes one of any verify.Source, in files of some megabytes each, so that
// memory stays bounded; Bundle is a verify.Source.
package bundle

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Format is Manifest.Format.
const Format = "rolegate-audit-bundle/v1"

// Manifest says what a bundle is of. Everything in it is verified but MadeAt and
// MadeBy, which are for people.
type Manifest struct {
	Format string `json:"format"`
	Origin string `json:"origin"` // of the checkpoints; "" where there are none
	Size   int64  `json:"size"`   // of the tree, in entries
	Root   []byte `json:"root"`   // of the tree, base64
	From   int64  `json:"from"`   // whole entries begin here,
	To     int64  `json:"to"`     // and end before this one; beyond, acts alone are whole
	Tenant string `json:"tenant"` // ref, in hex; "" for all tenants
	// Checkpoints is SHA-256 over the files of checkpoints, one behind another.
	Checkpoints []byte    `json:"checkpoints_sha256"`
	MadeAt      time.Time `json:"made_at"`
	MadeBy      string    `json:"made_by"`
}

// encode is the one way to write a manifest.
func (m Manifest) encode() []byte {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic(err) // there is nothing in it that cannot be written
	}
	return append(b, '\n')
}

// decode reads what encode writes, and nothing else.
func decode(b []byte) (m Manifest, tenant []byte, ok bool) {
	if json.Unmarshal(b, &m) != nil || m.Format != Format || !bytes.Equal(m.encode(), b) {
		return m, nil, false
	}
	if m.Tenant != "" {
		var err error
		if tenant, err = hex.DecodeString(m.Tenant); err != nil || hex.EncodeToString(tenant) != m.Tenant {
			return m, nil, false
		}
	}
	return m, tenant, 0 <= m.From && m.From <= m.To && m.To <= m.Size
}

// Files and directories of a bundle.
const (
	manifestFile   = "manifest.json"
	checkpointFile = "checkpoint"
	checkpointsDir = "checkpoints"
	actsDir        = "acts"
	entriesDir     = "entries"
	tileDir        = "tile"
)

const (
	chunkSize    = 4 << 20  // a file ends behind the item that fills it
	mostChunk    = 64 << 20 // a file of more is refused, since a reader holds one at a time
	mostManifest = 64 << 10
	mostSealed   = 64 << 10 // segments of one item; what is empty takes much more memory than room
)
