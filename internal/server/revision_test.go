package server

import (
	"fmt"
	"strings"
	"testing"

	"rolegate/model"
)

// The header demands of every answer of a request what context.min_revision
// demands of one.
func TestMinRevisionHeader(t *testing.T) {
	h := newHarness(t) // decides on revision 42
	requests := map[string]string{
		"evaluation":      aliceReads,
		"evaluations":     batchOf(2),
		"search/subject":  seek("subject"),
		"search/resource": seek("resource"),
		"search/action":   seek("action"),
	}
	for path, body := range requests {
		for _, fine := range []string{"0", "42", "007"} {
			h.want(h.decide(path, body, header("Rolegate-Min-Revision", fine)), 200, "")
		}
		problem := h.want(h.decide(path, body, header("Rolegate-Min-Revision", "43")), 503, model.CodeRevisionBehind)
		if detail := fmt.Sprint(problem["detail"]); !strings.Contains(detail, "revision 42") || !strings.Contains(detail, "43") {
			t.Errorf("%s: %s", path, detail)
		}
		for _, bad := range [][]string{{""}, {"-1"}, {"+1"}, {"1.0"}, {"1e1"}, {" "}, {"many"}, {"0x2a"}, {"9007199254740993"}, {"18446744073709551616"}, {"1", "1"}, {"1, 2"}} {
			problem := h.want(h.decide(path, body, header("Rolegate-Min-Revision", bad...)), 400, model.CodeInvalidRequest)
			if detail := fmt.Sprint(problem["detail"]); !strings.Contains(detail, "Rolegate-Min-Revision") {
				t.Errorf("%s %q: %s", path, bad, detail)
			}
		}
	}
	zh := h.want(h.decide("evaluation", aliceReads, header("Rolegate-Min-Revision", "43"), header("Accept-Language", "zh")), 503, model.CodeRevisionBehind)
	if detail := fmt.Sprint(zh["detail"]); !strings.Contains(detail, "版本为 42") || !strings.Contains(detail, "43") {
		t.Errorf("in Chinese: %s", detail)
	}
	asked := `{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"contact"}}`
	h.login.scopes = []string{"decide", "explain"}
	for _, path := range []string{"/v1/filter", "/v1/explain"} {
		h.want(h.post(path, asked, as("client-token"), header("Rolegate-Min-Revision", "many")), 400, model.CodeInvalidRequest)
	}
	h.want(h.call("GET", "/v1/permissions?subject=user:alice", "", as("client-token"), header("Rolegate-Min-Revision", "many")), 400, model.CodeInvalidRequest)
	// Without the right to ask, what is demanded is not even read.
	h.want(h.post("/access/v1/evaluation", aliceReads, header("Rolegate-Min-Revision", "many")), 401, model.CodeUnauthorized)
}

// A proxy may demand a revision as well. What its client sends under that name it
// does not pass on, as the configurations have it.
func TestMinRevisionOfProxies(t *testing.T) {
	h := newHarness(t)
	for _, sent := range []string{"0", "42"} {
		h.want(h.ask(header("Rolegate-Min-Revision", sent)), 200, "")
	}
	h.want(h.ask(header("Rolegate-Min-Revision", "43")), 503, model.CodeRevisionBehind)
	for _, bad := range [][]string{{""}, {"-1"}, {"many"}, {"1", "1"}} {
		h.want(h.ask(header("Rolegate-Min-Revision", bad...)), 400, model.CodeInvalidRequest)
	}
	h.want(h.ask(without(proxyAuthorization), header("Rolegate-Min-Revision", "many")), 401, model.CodeProxyUnauthorized)
	h.want(h.ask(without("Authorization"), header("Rolegate-Min-Revision", "many")), 401, model.CodeUnauthorized)
}
