package requirements

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rolegate/internal/audit/ocsf/ocsftest"
	"rolegate/internal/testkit"
)

func init() {
	requires(18, "sinks lose nothing while they are away: all entries come in order once they are back, the lag is a metric, and each event is one of the pinned schema", func(t *testing.T) {
		t.Run("sqlite", func(t *testing.T) {
			t.Parallel()
			sinkAway(t, t.TempDir())
		})
		t.Run("postgres", func(t *testing.T) {
			t.Parallel()
			r := testkit.NewReplicas(t, 1, "")
			sinkAway(t, r.Dirs[0], r.Settings...)
		})
		t.Run("replicas", func(t *testing.T) {
			t.Parallel()
			sinkOfReplicas(t)
		})
	})
}

// collector is a SIEM that can be away: it checks signatures after the text of
// Standard Webhooks, and keeps what it took.
type collector struct {
	*httptest.Server
	t   *testing.T
	key []byte

	mu     sync.Mutex
	away   bool
	tries  int
	events []map[string]any
}

func newCollector(t *testing.T) *collector {
	c := &collector{t: t, key: bytes.Repeat([]byte{7}, 32)}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Server.Close)
	return c
}

func (c *collector) settings() []string {
	return []string{"ROLEGATE_AUDIT_WEBHOOK=" + c.URL + "/in?token=not-to-be-logged", "ROLEGATE_AUDIT_WEBHOOK_ALLOW=127.0.0.0/8",
		"ROLEGATE_AUDIT_WEBHOOK_SECRET=whsec_" + base64.StdEncoding.EncodeToString(c.key)}
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tries++
	if c.away {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender was stopped
	}
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.Header.Get("webhook-signature") != want {
		c.t.Errorf("signed %q, want %q", r.Header.Get("webhook-signature"), want)
	}
	var events []map[string]any
	if err := json.Unmarshal(body, &events); err != nil {
		c.t.Error(err)
	}
	c.events = append(c.events, events...)
}

func (c *collector) setAway(away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = away
}

// wait waits until something is so of what the collector has.
func (c *collector) wait(what string, so func() bool) {
	c.t.Helper()
	eventually(c.t, what, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return so()
	})
}

// uid is the index of the entry an event is of.
func uid(e map[string]any) int {
	n, err := strconv.Atoi(fmt.Sprint(e["metadata"].(map[string]any)["uid"]))
	if err != nil {
		return -1
	}
	return n
}

// inOrder tells whether the events are all entries below n in their order; some may
// have come again, with all that followed them.
func inOrder(t *testing.T, events []map[string]any, n int) {
	t.Helper()
	next := 0
	for _, e := range events {
		switch i := uid(e); {
		case i > next:
			t.Fatalf("entry %d comes after %d", i, next-1)
		case i == next:
			next++
		default:
			next = i + 1
		}
	}
	if next != n {
		t.Errorf("%d of %d entries came", next, n)
	}
}

func ofSchema(t *testing.T, s *ocsftest.Schema, events []map[string]any) {
	t.Helper()
	for _, e := range events {
		class, _ := e["class_uid"].(float64)
		for _, wrong := range s.Check(e, int(class)) {
			t.Errorf("%v: %s", e["metadata"], wrong)
		}
		if class == 0 {
			t.Errorf("%v is not mapped", e["metadata"])
		}
	}
}

func linesOf(t *testing.T, path string) (events []map[string]any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		events = append(events, e)
	}
	return events
}

// sinkAway has a story while the collector is away for an hour of the service's
// clock and over a restart.
func sinkAway(t *testing.T, dir string, settings ...string) {
	c := newCollector(t)
	c.setAway(true)
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	settings = append(append(settings, "ROLEGATE_AUDIT_FILE="+file), c.settings()...)
	k := testkit.Start(t, dir, settings...)
	ann := k.MustEnrol("ann", "sales-rep")
	crm := k.ClientToken("crm")
	c.wait("a try while it is away", func() bool { return c.tries > 0 })
	for range 50 {
		k.Want(k.Evaluate(crm, "ann", "read", "contact", nil), 200)
	}
	k.Advance(time.Hour)
	began := time.Now()
	crm = k.ClientToken("crm2")
	k.Want(k.Evaluate(crm, "ann", "export", "contact", nil), 200)
	k.Login(ann)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("answers waited for a sink: %s", took)
	}
	eventually(t, "a lag of an hour", func() bool {
		return metric(t, k, `rolegate_audit_sink_lag_seconds{sink="webhook"}`) >= 3600 && metric(t, k, `rolegate_audit_sink_lag_entries{sink="webhook"}`) >= 55 &&
			metric(t, k, `rolegate_audit_sink_failures_total{at="target",sink="webhook"}`) >= 1
	})
	size, err := k.App.Store.LogSize(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other sink goes on meanwhile", func() bool {
		return len(linesOf(t, file)) >= int(size) && metric(t, k, `rolegate_audit_sink_lag_entries{sink="file"}`) == 0
	})
	if logs := k.Logs.String(); strings.Contains(logs, "not-to-be-logged") {
		t.Error("the receiver's credentials are in the service's log")
	}
	k.Stop() // records that it stops, when the sinks have ended

	c.setAway(false)
	k = testkit.Start(t, dir, settings...)
	if size, err = k.App.Store.LogSize(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.wait("all that happened", func() bool { return len(c.events) > 0 && uid(c.events[len(c.events)-1])+1 == int(size) })
	eventually(t, "no lag", func() bool {
		return metric(t, k, `rolegate_audit_sink_lag_entries{sink="webhook"}`) == 0 && metric(t, k, `rolegate_audit_sink_lag_seconds{sink="webhook"}`) == 0
	})
	k.Stop()
	s := ocsftest.Load(t)
	for _, events := range [][]map[string]any{c.events, linesOf(t, file)} {
		inOrder(t, events, int(size))
		ofSchema(t, s, events)
	}
	text, err := json.Marshal(c.events)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{`user:ann`, `"ann"`, "127.0.0.1", "Go-http-client"} {
		if bytes.Contains(text, []byte(name)) {
			t.Errorf("%s went out, and only pseudonyms should", name)
		}
	}
}

// sinkOfReplicas: of two replicas one delivers, and the other goes on when it ends.
func sinkOfReplicas(t *testing.T) {
	c := newCollector(t)
	kits := testkit.StartReplicas(t, 2, c.settings()...)
	holder := func(k *testkit.Kit) bool { return metric(t, k, `rolegate_audit_sink_holder{sink="webhook"}`) == 1 }
	eventually(t, "one delivers", func() bool { return holder(kits[0]) != holder(kits[1]) })
	first, second := kits[0], kits[1]
	if holder(second) {
		first, second = second, first
	}
	second.MustEnrol("ann", "sales-rep")
	c.wait("a login", func() bool { return len(c.events) > 3 })
	first.Stop()
	eventually(t, "the other delivers", func() bool { return holder(second) })
	second.ClientToken("crm")
	size, err := second.App.Store.LogSize(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.wait("all of it", func() bool { return len(c.events) > 0 && uid(c.events[len(c.events)-1])+1 >= int(size) })
	second.Stop()
	inOrder(t, c.events, uid(c.events[len(c.events)-1])+1)
}
