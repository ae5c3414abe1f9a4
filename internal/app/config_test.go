package app_test

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func TestLimitSettings(t *testing.T) {
	c, err := app.ReadConfig(nil)
	if err != nil || c.Limits() != model.DefaultLimits() {
		t.Errorf("without settings: %+v, %v", c.Limits(), err)
	}
	if err := c.Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for _, s := range []struct {
		name        string
		least, most int64
		of          func(model.Limits) int64
	}{
		{"ROLEGATE_MAX_REQUEST", 1 << 10, 16 << 20, func(l model.Limits) int64 { return l.Request }},
		{"ROLEGATE_MAX_BATCH", 1, 10_000, func(l model.Limits) int64 { return int64(l.Batch) }},
		{"ROLEGATE_MAX_NESTING", 8, 1_000, func(l model.Limits) int64 { return int64(l.Nesting) }},
		{"ROLEGATE_MAX_POLICY", 64 << 10, 256 << 20, func(l model.Limits) int64 { return l.Policy }},
		{"ROLEGATE_MAX_DIRECT_ROLES", 1, 1_024, func(l model.Limits) int64 { return int64(l.DirectRoles) }},
		{"ROLEGATE_MAX_INHERITED_ROLES", 1, 65_536, func(l model.Limits) int64 { return int64(l.InheritedRoles) }},
		{"ROLEGATE_MAX_RESULTS", 1, 10_000, func(l model.Limits) int64 { return int64(l.Results) }},
		{"ROLEGATE_MAX_FILTER_IDS", 1, 200_000, func(l model.Limits) int64 { return int64(l.FilterIDs) }},
	} {
		for _, n := range []int64{s.least, s.most} {
			c, err := app.ReadConfig([]string{fmt.Sprintf("%s=%d", s.name, n)})
			if err != nil || s.of(c.Limits()) != n {
				t.Errorf("%s=%d: %d, %v", s.name, n, s.of(c.Limits()), err)
			}
			if err := c.Validate(); err != nil {
				t.Errorf("%s=%d: %v", s.name, n, err)
			}
		}
		for _, n := range []int64{0, -1, s.least - 1, s.most + 1, math.MaxInt32} {
			c, err := app.ReadConfig([]string{fmt.Sprintf("%s=%d", s.name, n)})
			if err != nil {
				t.Fatal(err)
			}
			err = c.Validate()
			want := fmt.Sprintf("%s is %d; it can be %d to %d", s.name, n, s.least, s.most)
			if model.CodeOf(err) != model.CodeSettingInvalid || err.Error() != want {
				t.Errorf("%s=%d: %v, want %s", s.name, n, err, want)
			}
		}
		for _, text := range []string{"many", "1e3", "1.5", "1,000", "64MiB", "99999999999999999999"} {
			_, err := app.ReadConfig([]string{s.name + "=" + text})
			if want := fmt.Sprintf("%s %q is not a whole number", s.name, text); model.CodeOf(err) != model.CodeSettingInvalid || err.Error() != want {
				t.Errorf("%s=%s: %v, want %s", s.name, text, err, want)
			}
		}
	}
}

// The issuer's path becomes part of a route, so it is plain.
func TestIssuerPath(t *testing.T) {
	for issuer, good := range map[string]bool{
		"https://gate.example.com": true, "https://gate.example.com/base": true, "https://gate.example.com/a/b-c_d~e.f": true,
		"https://gate.example.com/": false, "https://gate.example.com/a//b": false, "https://gate.example.com/{tenant}": false,
		"https://gate.example.com/*": false, "https://gate.example.com/a%2Fb": false, "https://gate.example.com/租户": false,
		"https://gate.example.com/..": false, "https://gate.example.com/a/./b": false, "https://gate.example.com/...a": true,
	} {
		c, err := app.ReadConfig([]string{"ROLEGATE_ISSUER=" + issuer})
		if err != nil {
			t.Fatal(err)
		}
		err = c.Validate()
		if good && err != nil || !good && (model.CodeOf(err) != model.CodeSettingInvalid || !strings.Contains(err.Error(), "ROLEGATE_ISSUER")) {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

func TestAuditSetting(t *testing.T) {
	for value, ok := range map[string]bool{"": true, "durable": true, "buffered": true, "off": false, "none": false, "Buffered": false, "false": false} {
		c, err := app.ReadConfig([]string{"ROLEGATE_AUDIT=" + value})
		if err == nil {
			err = c.Validate()
		}
		if ok && err != nil || !ok && (model.CodeOf(err) != model.CodeSettingInvalid || !strings.Contains(err.Error(), "ROLEGATE_AUDIT")) {
			t.Errorf("ROLEGATE_AUDIT=%q: %v", value, err)
		}
	}
}

func TestTOTPSkewSetting(t *testing.T) {
	for value, want := range map[string]int{"": 1, "1": 1, "0": 0, "2": -1, "-1": -1} {
		c, err := app.ReadConfig([]string{"ROLEGATE_TOTP_SKEW=" + value})
		if err == nil {
			err = c.Validate()
		}
		if want >= 0 && (err != nil || c.TOTPSkew != want) || want < 0 && (model.CodeOf(err) != model.CodeSettingInvalid || !strings.Contains(err.Error(), "ROLEGATE_TOTP_SKEW")) {
			t.Errorf("ROLEGATE_TOTP_SKEW=%q: %d, %v", value, c.TOTPSkew, err)
		}
	}
}

func TestBufferedServiceShowsItsQueue(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_AUDIT=buffered")
	res, err := http.Get(k.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`rolegate_audit_queue_length{queue="buffered"}`, `rolegate_audit_queue_length{queue="durable"}`,
		"rolegate_audit_batches_total", `rolegate_audit_refused_total{reason="full"} 0`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

// Settings that contradict each other, or that no browser or client would ever
// match, do not start.
func TestHTTPSettings(t *testing.T) {
	for _, c := range []struct {
		settings []string
		names    string // what the refusal names; "" for none
	}{
		{[]string{"ROLEGATE_CORS_ORIGINS=https://crm.example.com,http://localhost:5173,https://crm.example.com:8443"}, ""},
		{[]string{"ROLEGATE_CORS_ORIGINS=https://crm.example.com/"}, "ROLEGATE_CORS_ORIGINS"},
		{[]string{"ROLEGATE_CORS_ORIGINS=https://crm.example.com:443"}, "ROLEGATE_CORS_ORIGINS"},
		{[]string{"ROLEGATE_CORS_ORIGINS=https://CRM.example.com"}, "ROLEGATE_CORS_ORIGINS"},
		{[]string{"ROLEGATE_CORS_ORIGINS=https://*.example.com"}, "ROLEGATE_CORS_ORIGINS"},
		{[]string{"ROLEGATE_CORS_ORIGINS=*"}, "ROLEGATE_CORS_ORIGINS"},
		{[]string{"ROLEGATE_CORS_ORIGINS=null"}, "ROLEGATE_CORS_ORIGINS"},
		{[]string{"ROLEGATE_TRUSTED_PROXIES=10.0.0.5/32,2001:db8::5/128"}, ""},
		{[]string{"ROLEGATE_TRUSTED_PROXIES=10.0.0.5"}, "ROLEGATE_TRUSTED_PROXIES"},
		{[]string{"ROLEGATE_TRUSTED_PROXIES=::ffff:10.0.0.5/128"}, "ROLEGATE_TRUSTED_PROXIES"}, // no peer's address is written so
		{[]string{"ROLEGATE_CORS_ORIGINS=https://a@crm.example.com"}, "ROLEGATE_CORS_ORIGINS"},
		{[]string{"ROLEGATE_CORS_ORIGINS=ftp://crm.example.com"}, "ROLEGATE_CORS_ORIGINS"},
		{[]string{"ROLEGATE_CORS_ORIGINS=https://crm.example.com#x"}, "ROLEGATE_CORS_ORIGINS"},
		{[]string{"ROLEGATE_MAX_CONNECTIONS=16"}, ""},
		{[]string{"ROLEGATE_MAX_CONNECTIONS=15"}, "ROLEGATE_MAX_CONNECTIONS"},
		{[]string{"ROLEGATE_MAX_CONNECTIONS=1000001"}, "ROLEGATE_MAX_CONNECTIONS"},
		{[]string{"ROLEGATE_TLS_CERT=c", "ROLEGATE_TLS_KEY=k", "ROLEGATE_ISSUER=https://gate.example.com"}, ""},
		{[]string{"ROLEGATE_TLS_CERT=c", "ROLEGATE_TLS_KEY=k"}, "ROLEGATE_ISSUER"},
		{[]string{"ROLEGATE_TLS_CERT=c", "ROLEGATE_ISSUER=https://gate.example.com"}, "ROLEGATE_TLS_KEY"},
	} {
		cfg, err := app.ReadConfig(c.settings)
		if err != nil {
			t.Fatal(err)
		}
		switch err := cfg.Validate(); {
		case c.names == "" && err != nil:
			t.Errorf("%q: %v", c.settings, err)
		case c.names != "" && (model.CodeOf(err) != model.CodeSettingInvalid || !strings.Contains(err.Error(), c.names)):
			t.Errorf("%q: %v", c.settings, err)
		}
	}
}

// A file that was to hold a secret and is empty, as one of a deployment gone wrong,
// is no setting left out: that would be another database, or a log that goes nowhere.
func TestEmptySecretFile(t *testing.T) {
	for _, text := range []string{"", "\n", " \n\n"} {
		file := writeFile(t, t.TempDir(), "url", text)
		for _, name := range []string{"ROLEGATE_DATABASE_URL", "ROLEGATE_KEYSTORE_URL", "ROLEGATE_AUDIT_WEBHOOK", "ROLEGATE_AUDIT_WEBHOOK_SECRET"} {
			_, err := app.ReadConfig([]string{name + "_FILE=" + file})
			if want := name + "_FILE: " + file + " is empty"; model.CodeOf(err) != model.CodeSettingInvalid || err.Error() != want {
				t.Errorf("%q: %v, want %s", text, err, want)
			}
		}
	}
}
