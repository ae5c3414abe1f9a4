package server

import (
	"net/http"
	"testing"

	"rolegate/internal/audit/checkpoint"
	"rolegate/internal/reqctx"
	"rolegate/model"
)

func TestLogForAnybody(t *testing.T) {
	h := newHarness(t)
	for path, want := range map[string]struct{ body, kind, cache string }{
		"/v1/audit/checkpoint":                    {"a note\n", typeText, "public, max-age=1"},
		"/v1/audit/tile/0/000":                    {"tile/0/000", typeBytes, "public, max-age=604800, immutable"},
		"/v1/audit/tile/1/x001/067.p/12":          {"tile/1/x001/067.p/12", typeBytes, "public, max-age=604800, immutable"},
		"/v1/audit/entries/7/proof":               {"proof of 7 in 0\n", typeText, "public, max-age=1"},
		"/v1/audit/entries/0/proof?size=9":        {"proof of 0 in 9\n", typeText, "public, max-age=604800, immutable"},
		"/v1/audit/proof/consistency?from=3&to=9": {`{"from":3,"hashes":["/w=="],"to":9}` + "\n", "application/json", "public, max-age=604800, immutable"},
		"/v1/audit/proof/consistency?from=3":      {`{"from":3,"hashes":["/w=="],"to":0}` + "\n", "application/json", "public, max-age=1"},
	} {
		h.free = true // a path with slashes is more than the contract's router reads
		a := h.call("GET", path, "")
		if a.StatusCode != 200 || string(a.body) != want.body || a.Header.Get("Content-Type") != want.kind || a.Header.Get("Cache-Control") != want.cache {
			t.Errorf("%s: %d %q %v", path, a.StatusCode, a.body, a.Header)
		}
	}
	h.free = false
	for path, code := range map[string]model.Code{
		"/v1/audit/tile/0/1":                       model.CodeNotFound,
		"/v1/audit/tile/0/000.p/256":               model.CodeNotFound,
		"/v1/audit/tile/8/000":                     model.CodeNotFound,
		"/v1/audit/tile/-1/000":                    model.CodeNotFound,
		"/v1/audit/entries/x/proof":                model.CodeInvalidRequest,
		"/v1/audit/entries/-1/proof":               model.CodeInvalidRequest,
		"/v1/audit/entries/01/proof":               model.CodeInvalidRequest,
		"/v1/audit/entries/9007199254740992/proof": model.CodeInvalidRequest,
		"/v1/audit/entries/1/proof?size=0":         model.CodeInvalidRequest,
		"/v1/audit/entries/1/proof?size=+1":        model.CodeInvalidRequest,
		"/v1/audit/entries/1/proof?at=1":           model.CodeInvalidRequest,
		"/v1/audit/proof/consistency":              model.CodeInvalidRequest,
		"/v1/audit/proof/consistency?to=1":         model.CodeInvalidRequest,
		"/v1/audit/proof/consistency?from=2&to=1":  model.CodeInvalidRequest,
		"/v1/audit/proof/consistency?from=0&to=1":  model.CodeInvalidRequest,
	} {
		status := http.StatusNotFound
		if code == model.CodeInvalidRequest {
			status = http.StatusBadRequest
		}
		h.want(h.call("GET", path, ""), status, code)
	}
	h.tree.err = &model.Error{Code: model.CodeBeyondCheckpoint, RetryAfter: checkpoint.Every}
	a := h.call("GET", "/v1/audit/entries/7/proof", "")
	h.want(a, 404, model.CodeBeyondCheckpoint)
	if a.Header.Get("Retry-After") != "1" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", a.Header)
	}
	if len(h.recorder.entries) > 0 {
		t.Errorf("recorded: %v", h.recorder.entries)
	}
}

func TestPrivateLog(t *testing.T) {
	h := newHarness(t)
	h.server.AuditPublic = false
	const path = "/v1/audit/checkpoint"
	h.want(h.call("GET", path, ""), 401, model.CodeUnauthorized)
	h.want(h.call("GET", path, "", as("nonsense")), 401, model.CodeUnauthorized)
	h.want(h.call("GET", path, "", as("client-token")), 403, model.CodeForbidden)
	if n := len(h.recorder.entries); n != 3 {
		t.Errorf("%d refusals are recorded", n)
	}
	h.login.scopes = []string{"audit"}
	a := h.call("GET", path, "", as("client-token"))
	if a.StatusCode != 200 || a.Header.Get("Cache-Control") != "private, max-age=1" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}

// An address that asks for nothing but hashes is stopped in the end.
func TestReadsOfTheLogAreLimited(t *testing.T) {
	h := newHarness(t)
	n := 0
	for ; n < 2*int(treeReads.Size); n++ {
		if a := h.call("GET", "/v1/audit/checkpoint", ""); a.StatusCode == http.StatusTooManyRequests {
			break
		}
	}
	if n < int(treeReads.Size) || n > int(treeReads.Size)*3/2 {
		t.Errorf("%d are answered", n)
	}
}

// Where the entry of an answer is, the answer says, a refusal too; where that is
// not known it says nothing.
func TestReceipts(t *testing.T) {
	h := newHarness(t)
	body := `{"subject":{"type":"user","id":"ann"},"action":{"name":"read"},"resource":{"type":"contact","id":"1"}}`
	a := h.call("POST", "/access/v1/evaluation", body, as("client-token"), header("Content-Type", "application/json"))
	if a.StatusCode != 200 || a.Header[indexHeader] != nil || a.Header[leafHashHeader] != nil {
		t.Errorf("buffered: %d %v", a.StatusCode, a.Header)
	}
	h.decider.receipt = &reqctx.Receipt{Index: 4711, LeafHash: []byte{0xff, 0xee}}
	for _, err := range []error{nil, &model.Error{Code: model.CodeForbidden}} {
		h.decider.err = err
		a = h.call("POST", "/access/v1/evaluation", body, as("client-token"), header("Content-Type", "application/json"))
		if a.Header.Get("Audit-Index") != "4711" || a.Header.Get("Audit-Leaf-Hash") != "/+4=" {
			t.Errorf("%d %v", a.StatusCode, a.Header)
		}
	}
}
