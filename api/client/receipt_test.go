package client

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"testing"
)

// Every answer that is recorded says where, also a denial; what is no receipt is
// none, and no error.
func TestReceipt(t *testing.T) {
	hash := bytes.Repeat([]byte{7}, 32)
	good := base64.StdEncoding.EncodeToString(hash)
	for name, c := range map[string]struct {
		index, hash string
		want        bool
	}{
		"both":          {"4711", good, true},
		"first":         {"0", good, true},
		"none":          {"", "", false},
		"no hash":       {"1", "", false},
		"no index":      {"", good, false},
		"negative":      {"-1", good, false},
		"short":         {"1", "AAAA", false},
		"not in base64": {"1", "#", false},
	} {
		h := http.Header{}
		h.Set("Audit-Index", c.index)
		h.Set("Audit-Leaf-Hash", c.hash)
		if r := receiptOf(h); (r != nil) != c.want || r != nil && !bytes.Equal(r.LeafHash, hash) {
			t.Errorf("%s: %v", name, r)
		}
	}
}
