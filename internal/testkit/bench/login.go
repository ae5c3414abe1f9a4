package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/argon2"

	"rolegate/internal/password"
	"rolegate/model"
)

// secret is everybody's password.
const secret = "correct horse battery staple"

// workers is how many hashes the service runs at once.
func workers() int { return max(1, runtime.GOMAXPROCS(0)-1) }

// login measures the password step, which is the one that costs: how many a
// second, and what a flood of them does to decisions and memory.
func (b *bench) login() error {
	h := &overHTTP{bench: b, tenant: b.plan.Shape.Tenant(0)}
	// Everybody is at one address, and it is the hash workers that are to be busy.
	if err := h.open("ROLEGATE_LOGIN_RATE=1000000"); err != nil {
		return err
	}
	defer h.service.kill()
	logins, err := h.service.enrol(max(b.plan.Users, b.plan.Logins)) // one person each: many tries at one account are refused
	if err != nil {
		return err
	}
	var bare []float64
	ours, _, err := h.beside(
		func() (load, error) { return closedLoop(h.service.addr, 4*workers(), logins, b.plan.Span, 0) },
		func() (load, error) { bare = append(bare, hashes(b.plan.Span)); return load{}, nil })
	if err != nil {
		return err
	}
	allowed := median(bare)
	b.add("login, password step", "≥ 0.9 of the bare password hash", fmt.Sprintf("%s of it: %s", times(ours.Rate/allowed), ours),
		fmt.Sprintf("bare argon2id, %d at once: %.1f/s", workers(), allowed), met(ours.Rate >= 0.9*allowed))
	if err := h.flood(logins); err != nil {
		return err
	}
	return b.refreshes()
}

// refreshes measures how often people's tokens can be renewed, which each of them
// does every ten minutes.
func (b *bench) refreshes() error {
	s, err := b.serve()
	if err != nil {
		return err
	}
	defer s.kill()
	if err := s.command(nil, "tenant", "set", model.DefaultTenant, "--mfa", "by-role"); err != nil {
		return err
	}
	tokens := make([]string, b.plan.Users)
	for i := range tokens {
		if tokens[i], err = s.accept(fmt.Sprintf("refresh%03d", i)); err != nil {
			return err
		}
	}
	took := make([][]time.Duration, len(tokens))
	errs := make([]error, len(tokens))
	var wg sync.WaitGroup
	began := time.Now()
	for i := range tokens {
		wg.Go(func() {
			for time.Since(began) < b.plan.Span && errs[i] == nil {
				at := time.Now()
				tokens[i], errs[i] = s.refresh(tokens[i])
				took[i] = append(took[i], time.Since(at))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	all := slices.Concat(took...)
	ours := load{Rate: float64(len(all)) / time.Since(began).Seconds(), P50: quantile(all, 50), P99: quantile(all, 99)}
	bare, err := b.groupCommit(len(tokens), b.plan.Span)
	if err != nil {
		return err
	}
	b.add(fmt.Sprintf("token refresh, %d people at once", len(tokens)), "", ours.String(), "bare group commit: "+bare.String(), noBar)
	return nil
}

// accept makes a person, who chooses the password and gets tokens for it alone.
func (s *service) accept(id string) (refresh string, err error) {
	var invitation struct {
		Invite string `json:"invite"`
	}
	if err := s.command(&invitation, "user", "add", id); err != nil {
		return "", err
	}
	return s.tokens("/v1/invite/accept", map[string]string{"invite": invitation.Invite, "password": secret})
}

func (s *service) refresh(token string) (string, error) {
	return s.tokens("/v1/token/refresh", map[string]string{"refresh_token": token})
}

func (s *service) tokens(path string, body map[string]string) (refresh string, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+path, bytes.NewReader(text))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	var answer struct {
		Refresh string `json:"refresh_token"`
	}
	if err := ask(req, &answer); err != nil {
		return "", err
	}
	if answer.Refresh == "" {
		return "", fmt.Errorf("%s gave no tokens", path)
	}
	return answer.Refresh, nil
}

// hashes is how many bare password hashes are done a second.
func hashes(span time.Duration) float64 {
	var n atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range workers() {
		wg.Go(func() {
			for first := true; first || time.Since(began) < span; first = false {
				p := password.Default
				argon2.IDKey([]byte(secret), make([]byte, 16), p.Iterations, p.MemoryKiB, p.Parallelism, 32)
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(n.Load()) / time.Since(began).Seconds()
}

// enrol makes people who have a password, and their login requests.
func (s *service) enrol(people int) ([][]byte, error) {
	hash, err := password.New(password.Default, 0, 0).Hash(s.b.ctx, secret)
	if err != nil {
		return nil, err
	}
	type user struct {
		ID   string `json:"id"`
		Hash string `json:"password_hash"`
	}
	var file struct {
		Users []user `json:"users"`
	}
	var logins [][]byte
	for i := range people {
		id := fmt.Sprintf("login%03d", i)
		file.Users = append(file.Users, user{id, hash})
		logins = append(logins, post("/v1/login", "", map[string]string{"username": id, "password": secret}))
	}
	text, err := json.Marshal(file)
	if err != nil {
		return nil, err
	}
	path := s.b.path("users.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, err
	}
	return logins, s.command(nil, "user", "import", path)
}

// flood asks for decisions at a fifth of the plan's rate, alone and then while
// very many log in at once; and beside the same logins the bare handler that commits a row for
// each answer, which shares the disk and the processors with them and nothing else.
func (h *overHTTP) flood(logins [][]byte) error {
	bare, err := h.startBare(bareDurable)
	if err != nil {
		return err
	}
	defer bare.kill()
	decide := func(addr string) (load, error) {
		return openLoop(addr, h.plan.Conns, h.plan.Rate/5, h.singles, h.plan.Span)
	}
	syscall.Sync() // else what was written before, such as programs that were built, comes in between
	quiet, err := decide(h.service.addr)
	if err != nil {
		return err
	}
	before, err := h.service.memory("VmRSS")
	if err != nil {
		return err
	}
	if err := h.service.forgetPeak(); err != nil {
		return err
	}
	var flood load
	var floodErr error
	var wg sync.WaitGroup
	wg.Go(func() { flood, floodErr = closedLoop(h.service.addr, h.plan.Logins, logins, h.plan.Span*5/2, 0) })
	time.Sleep(h.plan.Span / 10) // until all of them are there
	loud, err := decide(h.service.addr)
	beside, bareErr := decide(bare.addr)
	wg.Wait()
	if err := errors.Join(err, bareErr, floodErr); err != nil {
		return err
	}
	peak, err := h.service.memory("VmHWM")
	if err != nil {
		return err
	}
	what := fmt.Sprintf("under %d parallel logins", h.plan.Logins)
	h.add("decisions "+what, "p99 ≤ 5 ms", loud.String(), fmt.Sprintf("without: %s; the bare handler that commits a row for each answer, under the same logins: %s", quiet, beside),
		met(loud.P99 <= 5*time.Millisecond))
	bar := float64(workers())*float64(password.Default.MemoryKiB)*1024/1e6 + 100
	h.add("peak memory "+what, fmt.Sprintf("≤ %d hashes + 100 MB = %.0f MB", workers(), bar), fmt.Sprintf("%.0f MB", peak),
		fmt.Sprintf("before: %.0f MB; %s logins, %d refused", before, perSecond(flood.Rate), flood.Failed), met(peak <= bar))
	return nil
}

func median(xs []float64) float64 {
	slices.Sort(xs)
	return xs[len(xs)/2]
}
