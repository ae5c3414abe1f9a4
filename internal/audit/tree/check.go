package tree

import (
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// CheckInclusion tells whether hashes prove that the entry of that index and
// LeafHash is in the tree of that size and root (RFC 9162, section 2.1.3.2).
func CheckInclusion(index, size int64, leafHash []byte, hashes [][]byte, root []byte) bool {
	return index >= 0 && size > index && proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(index), uint64(size), leafHash, hashes, root) == nil
}
