package checklist

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
)

func init() {
	holds(163, "slow headers, slow bodies, idle connections and slow readers are cut off; a thousand of them keep no decision from being made, also when they take all the connections there may be", slowOnes)
	holds(164, "what two servers could take for requests of different length is never followed by another: a Content-Length that is doubled or malformed and a bad chunk are refused, and so is a Transfer-Encoding beside a Content-Length, or of HTTP/1.0, with a code, on plain connections and in TLS; each ends the connection", framing)
	holds(173, "TLS before 1.2 and what is not TLS are refused, the latter without a redirect", onlyTLS)
}

func slowOnes(t *testing.T) {
	t.Run("cut off", cutOff)
	t.Run("a thousand", thousand)
	t.Run("full", full)
}

// only has one timeout that a test can wait for, and the others out of the way.
func only(set func(o *app.Timeouts)) app.Timeouts {
	o := app.Timeouts{Header: time.Hour, Read: time.Hour, Write: time.Hour, Idle: time.Hour}
	set(&o)
	return o
}

const soon = 300 * time.Millisecond

// cutOff shows each timeout by itself; their values are the app package's to show.
func cutOff(t *testing.T) {
	drip := func(c net.Conn, text string) {
		for i := range len(text) {
			if _, err := io.WriteString(c, text[i:i+1]); err != nil {
				return
			}
			time.Sleep(soon / 8) // what is tested is a sender that is slow
		}
	}
	for _, kind := range []struct {
		timeouts app.Timeouts
		slow     map[string]func(c net.Conn)
	}{
		{only(func(o *app.Timeouts) { o.Header = soon }), map[string]func(c net.Conn){
			"nothing at all": func(net.Conn) {},
			"slow header":    func(c net.Conn) { drip(c, "GET /healthz HTTP/1.1\r\nHost: g") },
			"slow second header": func(c net.Conn) {
				io.WriteString(c, wireRequest("GET", "/healthz", ""))
				drip(c, "GET /healthz HTTP/1.1\r\nHost: g")
			},
		}},
		{only(func(o *app.Timeouts) { o.Read = soon }), map[string]func(c net.Conn){
			"slow body": func(c net.Conn) {
				io.WriteString(c, wireRequest("POST", "/v1/login", "", asJSON, "Content-Length: 100"))
				drip(c, `{"username":"eve","pa`)
			},
			"slow chunks": func(c net.Conn) {
				io.WriteString(c, wireRequest("POST", "/v1/login", "", asJSON, "Transfer-Encoding: chunked"))
				drip(c, "1\r\n{\r\n1\r\n \r\n1\r\n \r\n")
			},
		}},
		{only(func(o *app.Timeouts) { o.Idle = soon }), map[string]func(c net.Conn){
			"idle": func(c net.Conn) { io.WriteString(c, wireRequest("GET", "/healthz", "")) },
		}},
	} {
		k := testkit.StartAltered(t, t.TempDir(), func(a *app.App) { a.Timeouts = kind.timeouts })
		var wg sync.WaitGroup
		for what, begin := range kind.slow {
			c := dial(t, k)
			wg.Go(func() {
				begin(c)
				c.SetReadDeadline(time.Now().Add(5 * time.Second))
				if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%s: still open", what)
				}
			})
		}
		wg.Wait()
	}
	slowReader(t)
}

// slowReader asks for answers and reads none: the server stops writing them.
func slowReader(t *testing.T) {
	k := testkit.StartAltered(t, t.TempDir(), func(a *app.App) { a.Timeouts = only(func(o *app.Timeouts) { o.Write = soon }) })
	client := k.ClientToken("crm")
	c := dial(t, k)
	c.(*net.TCPConn).SetReadBuffer(4 << 10)
	batch := `{"evaluations":[` + strings.TrimSuffix(strings.Repeat(question+",", 500), ",") + `]}`
	one := wireRequest("POST", "/access/v1/evaluations", batch, asJSON, "Authorization: Bearer "+client)
	c.SetWriteDeadline(time.Now().Add(10 * time.Second))
	for range 400 {
		if _, err := io.WriteString(c, one); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("slow reader: still open")
			}
			return
		}
	}
	t.Error("slow reader: everything was taken")
}

// crowd opens n connections of each slow kind.
func crowd(t *testing.T, k *testkit.Kit, n int) {
	t.Helper()
	for range n {
		for _, begin := range []string{
			"",
			"POST /v1/login HTTP/1.1\r\nHost: ga",
			wireRequest("POST", "/v1/login", "", asJSON, "Content-Length: 100") + `{"us`,
			wireRequest("GET", "/healthz", ""),
		} {
			c := dial(t, k)
			io.WriteString(c, begin)
		}
	}
}

// decides asks on connections of its own, as somebody new.
func decides(t *testing.T, k *testkit.Kit, client string) {
	t.Helper()
	for range 5 {
		began := time.Now()
		a := send(t, k, "POST", "/access/v1/evaluation", []byte(question), asJSON, "Authorization: Bearer "+client, "Connection: close")
		if took := time.Since(began); a.Status != 200 || took > 2*time.Second {
			t.Errorf("%d after %v: %s", a.Status, took, a.Raw)
		}
	}
}

func thousand(t *testing.T) {
	k := testkit.New(t)
	client := k.ClientToken("crm")
	crowd(t, k, 250)
	decides(t, k, client)
}

func full(t *testing.T) {
	// Behind a proxy all come from one address.
	k := testkit.New(t, "ROLEGATE_MAX_CONNECTIONS=40", "ROLEGATE_BEHIND_PROXY=true")
	client := k.ClientToken("crm")
	const body = `{"username":"eve","password":"x"}`
	served := dial(t, k)
	fmt.Fprint(served, wireRequest("POST", "/v1/login", "", asJSON, "Expect: 100-continue", fmt.Sprint("Content-Length: ", len(body))))
	answers := bufio.NewReader(served)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100") { // now it is read from
		t.Fatalf("%q, %v", line, err)
	}
	for range 4 {
		crowd(t, k, 7) // a quarter of them is served, and stays
		decides(t, k, client)
		if t.Failed() {
			return
		}
	}
	io.WriteString(served, body)
	answers.ReadString('\n') // the blank line after 100
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "401") {
		t.Errorf("one that was being served made room: %q, %v", line, err)
	}
	if n := sample(t, k, "rolegate_connections "); n > 40 {
		t.Errorf("%v connections are open", n)
	}
	if n := sample(t, k, `rolegate_connections_shed_total{reason="full"} `); n < 50 {
		t.Errorf("%v connections made room", n)
	}

	// Without one, an address has a share of them; here four.
	k = testkit.New(t, "ROLEGATE_MAX_CONNECTIONS=16")
	for range 8 {
		c := dial(t, k)
		io.WriteString(c, wireRequest("POST", "/v1/login", "", asJSON, "Content-Length: 100"))
	}
	deadline := time.Now().Add(5 * time.Second)
	for sample(t, k, `rolegate_connections_shed_total{reason="share"} `) < 4 {
		if time.Now().After(deadline) {
			t.Fatal("one address has all the connections")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if n := sample(t, k, "rolegate_connections "); n != 4 {
		t.Errorf("%v connections of one address", n)
	}
}

// sample is a metric's value.
func sample(t *testing.T, k *testkit.Kit, name string) (v float64) {
	t.Helper()
	for line := range strings.Lines(get(t, k.Admin+"/metrics")) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			fmt.Sscan(rest, &v)
			return v
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

func framing(t *testing.T) {
	t.Run("refused", badFraming)
	t.Run("plain", func(t *testing.T) {
		k := testkit.New(t)
		twoLengths(t, func() net.Conn { return dial(t, k) })
	})
	t.Run("tls", func(t *testing.T) {
		k, pool := secured(t)
		twoLengths(t, func() net.Conn {
			c, err := tls.Dial("tcp", strings.TrimPrefix(k.URL, "https://"), &tls.Config{RootCAs: pool})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c
		})
		for _, http2 := range []bool{false, true} {
			transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: http2}
			body := struct{ io.Reader }{strings.NewReader(`{"username":"a","password":"b"}`)} // of a length nobody knows
			resp, err := (&http.Client{Transport: transport}).Post(k.URL+"/v1/login", "application/json", body)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			transport.CloseIdleConnections()
			if resp.StatusCode != 401 || (resp.ProtoMajor == 2) != http2 {
				t.Errorf("a body without a length: %s %d", resp.Proto, resp.StatusCode)
			}
		}
	})
}

// twoLengths says a request's length twice, and in one way only.
func twoLengths(t *testing.T, dial func() net.Conn) {
	const post = "POST /access/v1/evaluation HTTP/1.1\r\nHost: gate.example.com\r\nContent-Type: application/json\r\n"
	const body = `{"subject":{}}`
	whole := fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", post, len(body), body)
	chunks := fmt.Sprintf("\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	const next = "GET /healthz HTTP/1.1\r\nHost: gate.example.com\r\n\r\n"

	for what, text := range map[string]string{
		"a length first":         post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" + chunks,
		"chunked first":          post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" + chunks,
		"a length of nothing":    post + "content-length:0\r\nTRANSFER-ENCODING:\tCHUNKED\r\n" + chunks,
		"lines folded":           post + "Content-Length:\r\n 5\r\nTransfer-Encoding:\r\n\tchunked\r\n" + chunks,
		"lines without CR":       strings.ReplaceAll(post+"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "\r\n", "\n") + "\n" + chunks[2:],
		"both, of HTTP/1.0":      strings.Replace(post, "1.1", "1.0", 1) + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
		"chunked, of HTTP/1.0":   strings.Replace(post, "1.1", "1.0", 1) + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n" + chunks,
		"where there is no body": "GET /healthz HTTP/1.1\r\nHost: gate.example.com\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	} {
		answers, closed := wireOver(t, dial(), text+next)
		if len(answers) != 1 || !closed {
			t.Errorf("%s: %d answers, closed %v", what, len(answers), closed)
			continue
		}
		isProblem(t, what, answers[0])
		// The last of several is seen as well, however the bytes before it came.
		if answers, closed = wireOver(t, dial(), whole+"\r\n"+next+whole+text+next); len(answers) != 4 || !closed {
			t.Errorf("%s, behind others: %d answers, closed %v", what, len(answers), closed)
			continue
		}
		if answers[0].Status != 401 || answers[1].Status != 200 || answers[2].Status != 401 {
			t.Errorf("%s: before it %d, %d, %d", what, answers[0].Status, answers[1].Status, answers[2].Status)
		}
		isProblem(t, what, answers[3])
	}
	for what, text := range map[string]string{
		"chunked":                   post + "Transfer-Encoding: chunked\r\n" + chunks,
		"chunked, behind lengths":   whole + post + "Transfer-Encoding: chunked\r\n" + chunks,
		"a length in a name":        post + "X-Content-Length: 5\r\nContent-Length-X: 5\r\nTransfer-Encoding: chunked\r\n" + chunks,
		"a length in a value":       post + "X: Content-Length: 5\r\nX:\r\n Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" + chunks,
		"a coding in a value":       post + "X: a\r\n Transfer-Encoding: chunked\r\n" + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body),
		"a length, of HTTP/1.0":     strings.Replace(whole, "1.1", "1.0", 1),
		"a length in a chunk":       post + "Transfer-Encoding: chunked\r\n\r\n2\r\n\n\n\r\n" + strings.TrimPrefix(chunks, "\r\n"),
		"a header block in a body":  whole[:len(whole)-len(body)] + body + whole,
		"1.0, and two lengths more": strings.Replace(whole, "1.1", "1.0", 1) + post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" + chunks,
	} {
		answers, _ := wireOver(t, dial(), text)
		for _, a := range answers {
			if a.Status != 401 {
				t.Errorf("%s: %d %s", what, a.Status, a.Raw)
			}
		}
		if len(answers) == 0 {
			t.Errorf("%s: no answer", what)
		}
	}
}

// isProblem wants the refusal of a request whose length is said twice.
func isProblem(t *testing.T, what string, a testkit.Answer) {
	t.Helper()
	if a.Status != 400 || a.Header.Get("Content-Type") != "application/problem+json" ||
		!bytes.Contains(a.Raw, []byte(`"code":"invalid_request"`)) || !bytes.Contains(a.Raw, []byte("Transfer-Encoding")) {
		t.Errorf("%s: %d %v %s", what, a.Status, a.Header, a.Raw)
	}
}

// secured is a service with TLS, and the pool that trusts it.
func secured(t *testing.T) (*testkit.Kit, *x509.CertPool) {
	t.Helper()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pool := selfSigned(t, cert, key, "gate", time.Now().Add(24*time.Hour))
	return testkit.New(t, "ROLEGATE_TLS_CERT="+cert, "ROLEGATE_TLS_KEY="+key, "ROLEGATE_ISSUER=https://gate.example.com"), pool
}

func badFraming(t *testing.T) {
	k := testkit.New(t)
	const next = "GET /healthz HTTP/1.1\r\nHost: gate.example.com\r\n\r\n"
	const post = "POST /v1/login HTTP/1.1\r\nHost: gate.example.com\r\nContent-Type: application/json\r\n"
	if answers, closed := wire(t, k, post+"Content-Length: 2\r\n\r\n{}"+next); len(answers) != 2 || closed {
		t.Fatalf("two good requests: %d answers, closed %v", len(answers), closed)
	}
	for what, text := range map[string]string{
		"two lengths":              post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
		"a list of lengths":        post + "Content-Length: 2, 2\r\n\r\n{}",
		"a signed length":          post + "Content-Length: +2\r\n\r\n{}",
		"a negative length":        post + "Content-Length: -2\r\n\r\n{}",
		"a hexadecimal length":     post + "Content-Length: 0x2\r\n\r\n{}",
		"a huge length":            post + "Content-Length: 99999999999999999999\r\n\r\n{}",
		"a blank before the colon": post + "Content-Length : 2\r\n\r\n{}",
		"chunked and a length":     post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"a length and chunked":     post + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"chunked twice":            post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"gzip, chunked":            post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"identity":                 post + "Transfer-Encoding: identity\r\n\r\n{}",
		"an unknown coding":        post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"a coding in disguise":     post + "Transfer-Encoding: \x0bchunked\r\nContent-Length: 2\r\n\r\n{}",
		"a bad chunk":              post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
		"a chunk too long":         post + "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
		"a signed chunk":           post + "Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n",
		"a chunk without an end":   post + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n{}\r\n0\r\n\r\n",
		"chunked HTTP/1.0":         strings.Replace(post, "1.1", "1.0", 1) + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
		"no host":                  "GET /healthz HTTP/1.1\r\n\r\n",
		"two hosts":                "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"a NUL in a header":        "GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
		"a folded header":          "GET /healthz HTTP/1.1\r\nHost: a\r\nX a\r\n b\r\n\r\n",
		"a large header":           "GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n",
		"no version":               "GET /healthz\r\n\r\n",
		"HTTP/2 in clear":          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		answers, closed := wire(t, k, text+next)
		if len(answers) > 1 || !closed {
			t.Errorf("%s: %d answers, closed %v", what, len(answers), closed)
			continue
		}
		refused := len(answers) == 0 || answers[0].Status >= 400 && answers[0].Status <= 505 && answers[0].Status != 500
		if !refused {
			t.Errorf("%s: %d %s", what, answers[0].Status, answers[0].Raw)
		}
	}
}

// selfSigned writes a certificate for 127.0.0.1 and its key, and returns the pool
// that trusts it.
func selfSigned(t *testing.T, certFile, keyFile, name string, until time.Time) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(cert)
	return pool
}

func onlyTLS(t *testing.T) {
	k, pool := secured(t)
	address := strings.TrimPrefix(k.URL, "https://")
	if address == k.URL {
		t.Fatalf("the service is at %s", k.URL)
	}
	for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool, MinVersion: version, MaxVersion: version})
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			c.Close()
		}
	}
	for _, suites := range [][]uint16{
		{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}, {tls.TLS_RSA_WITH_AES_128_GCM_SHA256}, {tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA},
	} {
		if c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS12, CipherSuites: suites}); err == nil {
			t.Errorf("%s is spoken", tls.CipherSuiteName(c.ConnectionState().CipherSuite))
			c.Close()
		}
	}
	for _, http2 := range []bool{false, true} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: http2}
		resp, err := (&http.Client{Transport: transport}).Get(k.URL + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		transport.CloseIdleConnections()
		if resp.StatusCode != 200 || (resp.ProtoMajor == 2) != http2 || resp.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: %d %v", resp.Proto, resp.StatusCode, resp.Header)
		}
	}
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, wireRequest("POST", "/v1/login", `{"username":"a","password":"b"}`, asJSON))
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != 400 || resp.Header.Get("Location") != "" || err != nil || bytes.Contains(body, []byte("login")) {
		t.Errorf("without TLS: %d %v %s", resp.StatusCode, resp.Header, body)
	}
}
