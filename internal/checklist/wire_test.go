package checklist

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"rolegate/api"
	"rolegate/internal/testkit"
)

// host is the public listener's address.
func host(k *testkit.Kit) string { return strings.TrimPrefix(k.URL, "http://") }

// dial opens a connection that the test closes.
func dial(t *testing.T, k *testkit.Kit) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", host(k))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// patience is how long a connection is watched that should be closed, or should not.
const patience = 200 * time.Millisecond

// wire sends bytes as they are and reads all answers, and whether the connection
// was closed after them.
func wire(t *testing.T, k *testkit.Kit, text string) (answers []testkit.Answer, closed bool) {
	t.Helper()
	return wireOver(t, dial(t, k), text)
}

// wireOver is wire over a connection that is open.
func wireOver(t *testing.T, c net.Conn, text string) (answers []testkit.Answer, closed bool) {
	t.Helper()
	io.WriteString(c, text) // what is refused early may not take all of it
	r := bufio.NewReader(c)
	for {
		wait := patience
		if len(answers) == 0 {
			wait = 10 * time.Second
		}
		c.SetReadDeadline(time.Now().Add(wait))
		switch _, err := r.Peek(1); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return answers, false
		case err != nil:
			return answers, true
		}
		resp, err := http.ReadResponse(r, &http.Request{Method: strings.SplitN(text, " ", 2)[0]})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		a := testkit.Answer{Status: resp.StatusCode, Header: resp.Header}
		if a.Raw, err = io.ReadAll(resp.Body); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		answers = append(answers, a)
	}
}

// wireRequest spells one by hand; headers are "Name: value".
func wireRequest(method, target, body string, headers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: gate.example.com\r\n", method, target)
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	return b.String() + "\r\n" + body
}

// send does a request without holding it to the contract, which says nothing of
// what nobody should send; headers are "Name: value", several of one name too.
func send(t *testing.T, k *testkit.Kit, method, path string, body []byte, headers ...string) testkit.Answer {
	t.Helper()
	req, err := http.NewRequest(method, k.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	a, err := testkit.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

const asJSON = "Content-Type: application/json"

// question is a decision request that nobody needs to know anything for.
const question = `{"subject":{"type":"user","id":"eve"},"action":{"name":"read"},"resource":{"type":"contact","id":"1"}}`

// wireRoute is one of the contract, with something in the place of its parameters.
type wireRoute struct{ method, path string }

func wireRoutes(t *testing.T) (all []wireRoute) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			for strings.Contains(path, "{") {
				before, rest, _ := strings.Cut(path, "{")
				_, after, _ := strings.Cut(rest, "}")
				path = before + "x" + after
			}
			all = append(all, wireRoute{method, path})
		}
	}
	if len(all) < 50 {
		t.Fatalf("%d routes", len(all))
	}
	return all
}
