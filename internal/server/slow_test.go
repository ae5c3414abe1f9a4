package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rolegate/internal/directory"
	"rolegate/model"
)

// A body that comes slower than the listener waits for is answered as what could
// not be read: its sender is still there. An import has longer to come.
func TestSlowBodies(t *testing.T) {
	h := newHarness(t)
	h.login.scopes = []string{"decide", "directory"}
	h.server.Provisioning.Import = func(ctx context.Context, _ model.Caller, _ string, _ []byte, dryRun bool, _ string) (directory.ImportResult, error) {
		return directory.ImportResult{DryRun: dryRun}, nil
	}
	srv := httptest.NewUnstartedServer(h.server.Handler())
	srv.Config.ReadTimeout = time.Second
	srv.Start()
	defer srv.Close()
	for path, want := range map[string]int{
		"/access/v1/evaluation": http.StatusBadRequest, "/v1/admin/teams/emea": http.StatusBadRequest, "/v1/admin/import": http.StatusOK,
	} {
		method := http.MethodPost
		if strings.Contains(path, "teams") {
			method = http.MethodPut
		}
		c, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: gate.example.com\r\nAuthorization: Bearer client-token\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{", method, path)
		if want == http.StatusOK {
			time.Sleep(srv.Config.ReadTimeout + 500*time.Millisecond) // the rest comes after others' time
			io.WriteString(c, "}")
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want || want != 200 && !strings.Contains(string(body), string(model.CodeInvalidRequest)) {
			t.Errorf("%s: %d %s %v, want %d", path, resp.StatusCode, body, err, want)
		}
	}
}
