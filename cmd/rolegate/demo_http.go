package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"
)

// demoPassword is alice's in the throw-away service of one run.
const demoPassword = "correct horse battery staple"

// caller speaks HTTP to the demo's service.
type caller struct{ base string }

// reply is an answer: its status and, where it is JSON, its members.
type reply struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

func (r reply) text(member string) string {
	s, _ := r.body[member].(string)
	return s
}

func (c caller) post(path, bearer string, body any) (reply, error) {
	return c.do(http.MethodPost, path, bearer, body, "")
}

// do sends JSON, to what was seen at a version ("" for none).
func (c caller) do(method, path, bearer string, body any, version string) (reply, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return reply{}, err
	}
	req, err := http.NewRequest(method, c.base+path, bytes.NewReader(b))
	if err != nil {
		return reply{}, err
	}
	if version != "" {
		req.Header.Set("If-Match", version)
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	return send(req)
}

func (c caller) form(path, user, secret, form string) (reply, error) {
	req, err := http.NewRequest(http.MethodPost, c.base+path, strings.NewReader(form))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(user, secret)
	return send(req)
}

func (c caller) get(path, bearer string) (reply, error) {
	req, err := http.NewRequest(http.MethodGet, c.base+path, nil)
	if err != nil {
		return reply{}, err
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	return send(req)
}

func send(req *http.Request) (reply, error) {
	resp, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	r := reply{status: resp.StatusCode, header: resp.Header, raw: b}
	if err == nil && strings.Contains(resp.Header.Get("Content-Type"), "json") {
		err = json.Unmarshal(b, &r.body)
	}
	return r, err
}

// want compares an answer: its status (0 for any error status) and members,
// where nil means that the member must not be there.
func want(r reply, status int, members map[string]any) error {
	var errs []error
	if status != 0 && r.status != status || status == 0 && r.status < 400 {
		errs = append(errs, fmt.Errorf("status %d, want %d: %v", r.status, status, r.body))
	}
	for k, v := range members {
		if got := r.body[k]; got != v {
			errs = append(errs, fmt.Errorf("%s is %v, want %v", k, got, v))
		}
	}
	return errors.Join(errs...)
}

func tenCodes(r reply) error {
	if codes, ok := r.body["recovery_codes"].([]any); !ok || len(codes) != 10 {
		return fmt.Errorf("recovery_codes: %v", r.body["recovery_codes"])
	}
	return nil
}

// acr reads the assurance level a token states, as a CRM frontend might.
func acr(token, level string) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return fmt.Errorf("not a JWT: %q", token)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return err
	}
	var claims struct {
		ACR string `json:"acr"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return err
	}
	if claims.ACR != level {
		return fmt.Errorf("acr %q, want %q", claims.ACR, level)
	}
	return nil
}

func decisions(r reply, allow ...bool) error {
	got, _ := r.body["evaluations"].([]any)
	if len(got) != len(allow) {
		return fmt.Errorf("%d answers, want %d", len(got), len(allow))
	}
	for i, g := range got {
		if d, _ := g.(map[string]any); d["decision"] != allow[i] {
			return fmt.Errorf("answer %d: %v, want %v", i, d["decision"], allow[i])
		}
	}
	return nil
}

// question is an AuthZEN access evaluation about a user and a record.
func question(user, action, object string, properties, context map[string]any) map[string]any {
	q := map[string]any{
		"subject":  map[string]any{"type": "user", "id": user},
		"action":   map[string]any{"name": action},
		"resource": resource(object, properties),
	}
	if context != nil {
		q["context"] = context
	}
	return q
}

func resource(object string, properties map[string]any) map[string]any {
	r := map[string]any{"type": object, "id": "1"}
	if properties != nil {
		r["properties"] = properties
	}
	return r
}

// code is what alice's authenticator shows now, by a TOTP generator that shares
// nothing with the verifier but RFC 6238.
func (s *story) code() string {
	code, err := totp.GenerateCode(s.secret, s.now())
	if err != nil {
		return ""
	}
	return code
}

// wrong is a code of the right form that is not this one.
func wrong(code string) string {
	return strings.Map(func(r rune) rune { return '0' + (r-'0'+5)%10 }, code)
}
