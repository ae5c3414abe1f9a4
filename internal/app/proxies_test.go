package app_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rolegate/internal/testkit"
	"rolegate/model"
)

// front is a real proxy on loopback, between a client and a CRM that notes what
// reaches it, under the configuration in docs/forward-auth.
type front struct {
	kit     *testkit.Kit
	address string // of the proxy
	crm     *crm
}

// crm is a backend that answers everything and notes it.
type crm struct {
	*httptest.Server
	mu  sync.Mutex
	got []received
}

type received struct {
	method, target, body string
	header               http.Header
}

func newCRM(t *testing.T) *crm {
	c := &crm{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.got = append(c.got, received{r.Method, r.RequestURI, string(body), r.Header})
		io.WriteString(w, "from the CRM")
	}))
	t.Cleanup(c.Close)
	return c
}

// taken is what reached the CRM since it was last asked.
func (c *crm) taken() []received {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.got = nil }()
	return c.got
}

// configuration is a file of docs/forward-auth, for the addresses of a test.
func (f *front) configuration(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/forward-auth/" + name)
	if err != nil {
		t.Fatal(err)
	}
	s := string(text)
	for documented, real := range map[string]string{":8000": f.address, ":8080": f.kit.URL, ":9000": f.crm.URL} {
		if !strings.Contains(s, documented) {
			t.Fatalf("%s does not name port %s", name, documented)
		}
		s = strings.ReplaceAll(s, documented, real[strings.LastIndexByte(real, ':'):])
	}
	return s
}

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// startNginx runs docs/forward-auth/nginx.conf.
func startNginx(t *testing.T, f *front, credentials string) {
	program := installed(t, "nginx", "/usr/sbin/nginx")
	dir := t.TempDir()
	text := f.configuration(t, "nginx.conf")
	var paths strings.Builder // where a test may write
	for _, p := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&paths, "%s_temp_path %s; ", p, filepath.Join(dir, p))
	}
	text = strings.Replace(text, "http {", "http { access_log off; "+paths.String(), 1)
	writeFile(t, dir, "rolegate-client.conf", fmt.Sprintf("proxy_set_header Rolegate-Client-Authorization %q;\n", credentials))
	runProxy(t, f.address, nil, program, "-p", dir, "-c", writeFile(t, dir, "nginx.conf", text), "-e", "stderr",
		"-g", "daemon off; master_process off; pid "+filepath.Join(dir, "pid")+";")
}

// startCaddy runs docs/forward-auth/Caddyfile.
func startCaddy(t *testing.T, f *front, credentials string) {
	program := installed(t, "caddy", "/usr/bin/caddy")
	dir := t.TempDir()
	// The admin endpoint has one port for all of a machine.
	text := "{\n\tadmin off\n\tauto_https off\n}\n" + f.configuration(t, "Caddyfile")
	runProxy(t, f.address, []string{"ROLEGATE_CLIENT_AUTHORIZATION=" + credentials, "HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir},
		program, "run", "--adapter", "caddyfile", "--config", writeFile(t, dir, "Caddyfile", text))
}

// installed is where a program is; in CI a missing one fails the test.
func installed(t *testing.T, name, usual string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if _, err := os.Stat(usual); err == nil {
		return usual
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// leash ends a program when its own input does: with the test, however that ends.
const leash = `exec 3<&0
"$@" </dev/null & program=$!
{ read -r _ <&3; kill -TERM $program; } & reader=$!
wait $program; status=$?
kill $reader 2>/dev/null
exit $status`

// runProxy starts a program and waits until it listens.
func runProxy(t *testing.T, address string, environ []string, args ...string) {
	t.Helper()
	cmd := exec.Command("bash", append([]string{"-c", leash, "leash"}, args...)...)
	cmd.Env = append(os.Environ(), environ...)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	t.Cleanup(func() { stdin.Close(); <-done })
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return
		}
		select {
		case <-tick.C:
		case <-done:
			t.Fatalf("%s ended", args[0])
		case <-t.Context().Done():
			t.Fatalf("%s does not listen", args[0])
		}
	}
}

// proxies runs a test behind each proxy.
func proxies(t *testing.T, test func(t *testing.T, f *front, start func(credentials string))) {
	for name, start := range map[string]func(*testing.T, *front, string){"nginx": startNginx, "caddy": startCaddy} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			f := &front{kit: testkit.New(t), address: l.Addr().String(), crm: newCRM(t)}
			l.Close()
			test(t, f, func(credentials string) { start(t, f, credentials) })
		})
	}
}

// basicFor makes a client and gives its credentials as a proxy sends them.
func basicFor(k *testkit.Kit, id string) string {
	secret := k.AddClient(model.Client{ID: id, Tenant: model.DefaultTenant, Scopes: []string{"decide"}})
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

// ask sends a request byte by byte as it is written here, with a person's token
// unless that is "".
func (f *front) ask(t *testing.T, token, line string, headers ...string) (*http.Response, string) {
	t.Helper()
	c, err := net.Dial("tcp", f.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if token != "" {
		headers = append([]string{"Authorization: Bearer " + token}, headers...)
	}
	closing := "Connection: close"
	for _, h := range headers {
		if strings.HasPrefix(h, "Connection:") {
			closing = "X-Closing: no"
		}
	}
	line, body, _ := strings.Cut(line, "\n")
	text := line + " HTTP/1.1\r\nHost: crm.example.com\r\n" + closing + "\r\n" + strings.Join(append(headers, ""), "\r\n")
	if body != "" {
		text += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	if _, err := io.WriteString(c, text+"\r\n"+body); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: strings.Fields(line)[0]})
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(answer)
}
