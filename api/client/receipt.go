package client

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
)

// Receipt says where in Rolegate's log an answer is recorded. A backend that keeps
// it beside what the answer was for can show later, to anybody and without
// Rolegate's help, that the record is there and is that one: with the proof that
// GET /v1/audit/entries/{Index}/proof gives.
type Receipt struct {
	Index    int64  // of the entry, from 0
	LeafHash []byte // of the entry as it is stored (RFC 6962, section 2.1): 32 bytes
}

// receiptOf reads the headers, nil where they are not both there. Nothing of an
// answer depends on them.
func receiptOf(h http.Header) *Receipt {
	index, err := strconv.ParseInt(h.Get("Audit-Index"), 10, 64)
	if err != nil || index < 0 {
		return nil
	}
	hash, err := base64.StdEncoding.DecodeString(h.Get("Audit-Leaf-Hash"))
	if err != nil || len(hash) != sha256.Size {
		return nil
	}
	return &Receipt{index, hash}
}
