package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"rolegate/internal/testkit"
)

// wantMetrics fails for each line that is not in the metrics.
func wantMetrics(t *testing.T, k *testkit.Kit, lines ...string) {
	t.Helper()
	text := metricsOf(t, k)
	for _, want := range lines {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

// How far phones' clocks are off shows in the codes that are accepted: of an enrolment,
// a login, a step-up and a second device, and of no other.
func TestStepsOfAcceptedCodesAreCounted(t *testing.T) {
	k := testkit.New(t)
	offsets := func(within map[string]int, all int) {
		t.Helper()
		lines := []string{fmt.Sprintf("rolegate_otp_offset_steps_count %d", all), fmt.Sprintf(`rolegate_otp_offset_steps_bucket{le="+Inf"} %d`, all)}
		for le, n := range within {
			lines = append(lines, fmt.Sprintf("rolegate_otp_offset_steps_bucket{le=%q} %d", le, n))
		}
		wantMetrics(t, k, lines...)
	}
	offsets(map[string]int{"-3": 0, "3": 0}, 0)
	k.MidStep()
	alice := k.MustEnrol("alice")
	offsets(map[string]int{"-1": 0, "0": 1, "3": 1}, 1)

	login := func(later time.Duration, status int) {
		t.Helper()
		k.MidStep()
		a := k.Post("/v1/login/totp", "", map[string]any{"ticket": k.Ticket("alice"), "code": k.CodeAt(alice.Secret, later)})
		k.Want(a, status)
		if status == http.StatusOK {
			alice.Access = a.Text("access_token")
		}
	}
	login(-30*time.Second, 200)
	login(-time.Minute, 200) // after the one before is one expected
	offsets(map[string]int{"-3": 0, "-2": 1, "-1": 2, "0": 3, "3": 3}, 3)
	login(2*time.Minute, 401)
	login(30*time.Second, 401) // too far from what is expected now
	offsets(map[string]int{"-3": 0, "-2": 1, "-1": 2, "0": 3, "3": 3}, 3)

	k.MidStep()
	a := k.Post("/v1/step-up", alice.Access, map[string]any{"code": k.CodeAt(alice.Secret, 0)})
	k.Want(a, 200)
	alice.Access = a.Text("access_token")
	k.AddDevice(alice, "tablet")
	offsets(map[string]int{"-1": 2, "0": 5, "3": 5}, 5)
}

// Each lock that begins counts once, by what is locked, whatever is tried while it lasts.
func TestLocksAreCounted(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	locks := func(network, code, password int) {
		t.Helper()
		wantMetrics(t, k, fmt.Sprintf(`rolegate_locks_total{budget="login_network"} %d`, network), fmt.Sprintf(`rolegate_locks_total{budget="code"} %d`, code),
			fmt.Sprintf(`rolegate_locks_total{budget="password"} %d`, password))
	}
	locks(0, 0, 0)
	login := func(user, password string) testkit.Answer {
		return k.Post("/v1/login", "", map[string]any{"username": user, "password": password})
	}
	for range 4 {
		k.Want(login("alice", "wrong"), 401)
		k.Want(login("nobody", "wrong"), 401)
	}
	locks(0, 0, 0)
	k.Want(login("alice", "wrong"), 401)
	k.Want(login("nobody", "wrong"), 401)
	for range 3 {
		k.Want(login("alice", testkit.Password), 429)
	}
	locks(2, 0, 0)

	k.Advance(time.Minute)
	for range 2 {
		ticket := k.Ticket("alice")
		for range 5 {
			k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": "12345"}), 401)
		}
	}
	k.Want(k.Post("/v1/step-up", alice.Access, map[string]any{"code": k.NextCode(alice)}), 429)
	locks(2, 1, 0)

	for range 5 {
		k.Want(k.Post("/v1/me/password", alice.Access, map[string]any{"current": "wrong", "new": "another one that is long"}), 401, "code", "password_wrong")
	}
	locks(2, 1, 1)
}
