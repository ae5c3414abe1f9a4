package server

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"rolegate/internal/directory"
	"rolegate/model"
)

// slowBody says when somebody reads it, and has nothing to give until it may.
type slowBody struct {
	reading, may chan struct{}
	once         sync.Once
	text         io.Reader
}

func (b *slowBody) Read(p []byte) (int, error) {
	b.once.Do(func() { b.reading <- struct{}{}; <-b.may })
	return b.text.Read(p)
}

// Imports that come while as many are read as memory has room for are sent away
// before a byte of them is read, and those inside are answered.
func TestImportsAreBoundedTogether(t *testing.T) {
	h := newHarness(t)
	h.login.scopes = []string{"directory"}
	var mu sync.Mutex
	now, most := 0, 0
	h.server.Provisioning.Import = func(ctx context.Context, caller model.Caller, tenant string, file []byte, dryRun bool, _ string) (directory.ImportResult, error) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		defer func() { mu.Lock(); now--; mu.Unlock() }()
		return directory.ImportResult{DryRun: dryRun}, nil
	}
	handler := h.server.Handler()
	send := func(body io.Reader) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/v1/admin/import?dry_run=true", body)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer client-token")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	reading, may := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	for range maxFiles {
		wg.Go(func() {
			w := send(&slowBody{reading: reading, may: may, text: bytes.NewReader([]byte(`{}`))})
			if w.Code != http.StatusOK {
				t.Errorf("an import that was let in: %d %s", w.Code, w.Body)
			}
		})
	}
	for range maxFiles {
		<-reading
	}
	w := send(bytes.NewReader([]byte(`{}`)))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("one too many: %d %s", w.Code, w.Body)
	}
	close(may)
	wg.Wait()
	if most > maxImports {
		t.Errorf("%d imports were worked on at once", most)
	}
	if w := send(bytes.NewReader([]byte(`{}`))); w.Code != http.StatusOK {
		t.Errorf("afterwards: %d %s", w.Code, w.Body)
	}
}
