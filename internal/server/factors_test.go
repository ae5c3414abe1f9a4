package server

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/login"
	"rolegate/internal/throttle"
	"rolegate/model"
)

// fakeFactors answers what it is told to, or well.
type fakeFactors struct {
	err       error
	got       []string
	confirmed login.Confirmed
}

var phone = login.Device{ID: "D1", Name: "Phone", CreatedAt: time.Unix(1_800_000_000, 5e8), UsedAt: time.Unix(1_800_000_030, 0)}

func (f *fakeFactors) did(ctx context.Context, session login.Session, args ...string) error {
	f.got = append([]string{session.Caller.ID}, args...)
	return f.err
}

func (f *fakeFactors) Devices(ctx context.Context, s login.Session) ([]login.Device, error) {
	return []login.Device{phone, {ID: "D2", Name: "平板", CreatedAt: phone.CreatedAt}}, f.did(ctx, s, "list")
}
func (f *fakeFactors) AddDevice(ctx context.Context, s login.Session, name string) (login.Enrolment, error) {
	return login.Enrolment{DeviceID: "D1", Secret: "GEZDGNBV", OTPAuthURI: "otpauth://totp/x", QRPNG: []byte("png")}, f.did(ctx, s, "add", name)
}
func (f *fakeFactors) ConfirmDevice(ctx context.Context, s login.Session, id, code, _ string) (login.Confirmed, error) {
	return f.confirmed, f.did(ctx, s, "confirm", id, code)
}
func (f *fakeFactors) RenameDevice(ctx context.Context, s login.Session, id, name string) (login.Device, error) {
	return phone, f.did(ctx, s, "rename", id, name)
}
func (f *fakeFactors) RemoveDevice(ctx context.Context, s login.Session, id string) error {
	return f.did(ctx, s, "remove", id)
}
func (f *fakeFactors) RecoveryCodesLeft(ctx context.Context, s login.Session) (int, error) {
	return 7, f.did(ctx, s, "left")
}
func (f *fakeFactors) NewRecoveryCodes(ctx context.Context, s login.Session, _ string) ([]string, error) {
	return []string{"a", "b"}, f.did(ctx, s, "renew")
}
func (f *fakeFactors) StepUp(ctx context.Context, s login.Session, code string) (login.Result, error) {
	return login.Result{Status: login.StatusOK, Tokens: &login.Tokens{AccessToken: "A", RefreshToken: "R", ExpiresIn: 600e9}}, f.did(ctx, s, "step-up", code)
}

func TestFactorRoutes(t *testing.T) {
	device := `{"created_at":"2027-01-15T08:00:00Z","id":"D1","last_used_at":"2027-01-15T08:00:30Z","name":"Phone"}`
	first := login.Confirmed{Device: phone, RecoveryCodes: []string{"a"}, Tokens: &login.Tokens{AccessToken: "A", RefreshToken: "R", ExpiresIn: 600e9}}
	for _, c := range []struct {
		method, path, body string
		confirmed          login.Confirmed
		args               []string
		status             int
		want               string
	}{
		{"GET", "/v1/me/devices", "", first, []string{"list"}, 200, `{"devices":[` + device + `,{"created_at":"2027-01-15T08:00:00Z","id":"D2","name":"平板"}]}`},
		{"POST", "/v1/me/devices", `{"name":"My 平板 2"}`, first, []string{"add", "My 平板 2"}, 200, `{"device_id":"D1","otpauth_uri":"otpauth://totp/x","qr_png":"cG5n","secret":"GEZDGNBV"}`},
		{"POST", "/v1/me/devices/D1/confirm", `{"code":"012345"}`, login.Confirmed{Device: phone}, []string{"confirm", "D1", "012345"}, 200, `{"device":` + device + `}`},
		{"POST", "/v1/me/devices/D1/confirm", `{"code":"012345"}`, first, []string{"confirm", "D1", "012345"}, 200,
			`{"access_token":"A","device":` + device + `,"expires_in":600,"recovery_codes":["a"],"refresh_token":"R","token_type":"Bearer"}`},
		{"PATCH", "/v1/me/devices/D1", `{"name":"x"}`, first, []string{"rename", "D1", "x"}, 200, device},
		{"DELETE", "/v1/me/devices/D1", "", first, []string{"remove", "D1"}, 204, ""},
		{"GET", "/v1/me/recovery-codes", "", first, []string{"left"}, 200, `{"left":7}`},
		{"POST", "/v1/me/recovery-codes", "", first, []string{"renew"}, 200, `{"recovery_codes":["a","b"]}`},
		{"POST", "/v1/step-up", `{"code":"012345"}`, first, []string{"step-up", "012345"}, 200, `{"access_token":"A","expires_in":600,"refresh_token":"R","status":"ok","token_type":"Bearer"}`},
	} {
		h := newHarness(t)
		h.factors.confirmed = c.confirmed
		a := h.call(c.method, c.path, c.body, as("user-token"), header("Content-Type", "application/json"))
		h.want(a, c.status, "")
		if diff := cmp.Diff(append([]string{"alice"}, c.args...), h.factors.got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.method, c.path, diff)
		}
		if got := strings.TrimSpace(string(a.body)); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.method, c.path, got, c.want)
		}
		if got := a.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s %s: Cache-Control %q", c.method, c.path, got)
		}
		h.want(h.call(c.method, c.path, c.body, header("Content-Type", "application/json")), 401, model.CodeUnauthorized)
		h.want(h.call(c.method, c.path, c.body, as("client-token"), header("Content-Type", "application/json")), 401, model.CodeUnauthorized)
	}
}

// Nobody waits for the next recovery code, or sets a clock for it.
func TestWrongRecoveryCode(t *testing.T) {
	for lang, want := range map[string]string{"en": "The recovery code is wrong or was already used. Enter another one of your list.", "zh-CN": "恢复码错误或已被使用，请输入列表中的另一个恢复码。"} {
		h := newHarness(t)
		h.login.err = &login.WrongCode{At: time.Unix(1_800_000_000, 0), Recovery: true}
		got := h.want(h.post("/v1/login/recovery", `{"ticket":"t","code":"aaaa"}`, header("Accept-Language", lang)), 401, model.CodeCodeInvalid)
		if got["detail"] != want {
			t.Errorf("in %s: %v", lang, got)
		}
	}
}

// Whoever is told to wait is told how long, and what helps if waiting does not.
func TestTooManyAttemptsSaysWhatToDo(t *testing.T) {
	for lang, want := range map[string]string{"en": "unlock your account", "zh-CN": "解除锁定"} {
		h := newHarness(t)
		h.login.err = throttle.TooMany(90 * time.Second)
		a := h.post("/v1/login/totp", `{"ticket":"t","code":"000000"}`, header("Accept-Language", lang))
		got := h.want(a, 429, model.CodeTooManyAttempts)
		if detail, _ := got["detail"].(string); !strings.Contains(detail, want) || a.Header.Get("Retry-After") != "90" {
			t.Errorf("in %s: %v, Retry-After %q", lang, got, a.Header.Get("Retry-After"))
		}
	}
}

// A code of a device that was removed is told with the device, in the reader's language.
func TestWrongCodeTellsOfARemovedDevice(t *testing.T) {
	for lang, want := range map[string]string{"en": "“旧手机”, which was removed on 2026-11-20", "zh-CN": "“旧手机”，该设备已于 2026-11-20 移除"} {
		h := newHarness(t)
		h.login.err = &login.WrongCode{At: time.Unix(1_800_000_000, 0), Removed: &login.Removed{ID: "d", Name: "旧手机", At: time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC)}}
		got := h.want(h.post("/v1/login/totp", `{"ticket":"t","code":"000000"}`, header("Accept-Language", lang)), 401, model.CodeCodeInvalid)
		if detail, _ := got["detail"].(string); !strings.Contains(detail, want) {
			t.Errorf("in %s: %q", lang, detail)
		}
	}
}

func TestWrongCodeTellsOfTheClock(t *testing.T) {
	at := time.Unix(1_800_000_000, 5e8)
	for _, c := range []struct {
		off     time.Duration
		en, zh  string
		present any
	}{
		{0, "The code is wrong or was already used; wait for the next one, and check that the phone's clock is right.", "验证码错误或已被使用。请等待下一个验证码，并确认手机时间准确。", nil},
		{-70 * time.Second, "The code is of another time: the phone's clock is about 70 seconds slow. Let it set its time by itself, then enter the next code.", "验证码与当前时间不符：手机时钟大约慢了 70 秒。请在手机上启用自动设置时间，然后输入下一个验证码。", -70.0},
		{100 * time.Second, "The code is of another time: the phone's clock is about 100 seconds fast. Let it set its time by itself, then enter the next code.", "验证码与当前时间不符：手机时钟大约快了 100 秒。请在手机上启用自动设置时间，然后输入下一个验证码。", 100.0},
	} {
		for lang, want := range map[string]string{"en": c.en, "zh-CN": c.zh} {
			h := newHarness(t)
			h.login.err = &login.WrongCode{At: at, Off: c.off}
			got := h.want(h.post("/v1/login/totp", `{"ticket":"t","code":"000000"}`, header("Accept-Language", lang)), 401, model.CodeCodeInvalid)
			if got["detail"] != want || got["clock_offset"] != c.present || got["server_time"] != "2027-01-15T08:00:00Z" {
				t.Errorf("%v in %s: %v", c.off, lang, got)
			}
		}
	}
}
