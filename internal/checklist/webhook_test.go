package checklist

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(174, "the log's webhook connects to no loopback, link-local, metadata or private address unless its network is allowed, however the name resolves, and follows no redirect; there is no other URL that Rolegate fetches", webhookStaysOutside)
}

// webhookStaysOutside. That the address counts which is connected to, whatever a
// name server says the second time, is TestNamesLeadNowhereInside of
// internal/audit/sink.
func webhookStaysOutside(t *testing.T) {
	secret := "ROLEGATE_AUDIT_WEBHOOK_SECRET=whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, host := range []string{"127.0.0.1", "[::1]", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "[fe80::1]",
		"[fd00:ec2::254]", "100.100.100.200", "168.63.129.16", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[64:ff9b::10.0.0.1]", "224.0.0.1", "[2002:7f00:1::]"} {
		c, err := app.ReadConfig([]string{"ROLEGATE_AUDIT_WEBHOOK=https://" + host + "/", secret})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Validate(); model.CodeOf(err) != model.CodeSettingInvalid || !strings.Contains(err.Error(), "ROLEGATE_AUDIT_WEBHOOK") {
			t.Errorf("%s: %v", host, err)
		}
	}

	var inside, redirected atomic.Int32
	secretPlace := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { redirected.Add(1) }))
	defer secretPlace.Close()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inside.Add(1)
		http.Redirect(w, r, secretPlace.URL, http.StatusTemporaryRedirect)
	}))
	defer receiver.Close()
	port := receiver.URL[strings.LastIndex(receiver.URL, ":"):]
	failed := func(k *testkit.Kit) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
			res, err := http.Get(k.Admin + "/metrics")
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), `rolegate_audit_sink_failures_total{at="target",sink="webhook"} 0`) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal("nothing was tried")
			}
		}
	}
	// A name is looked at when it was resolved.
	failed(testkit.New(t, "ROLEGATE_AUDIT_WEBHOOK=http://localhost"+port, secret))
	if n := inside.Load(); n != 0 {
		t.Errorf("%d connections inside", n)
	}
	failed(testkit.New(t, "ROLEGATE_AUDIT_WEBHOOK=http://localhost"+port, secret, "ROLEGATE_AUDIT_WEBHOOK_ALLOW=127.0.0.1/32,::1/128"))
	if inside.Load() == 0 || redirected.Load() != 0 {
		t.Errorf("allowed: %d requests, of which %d were led on", inside.Load(), redirected.Load())
	}
}
