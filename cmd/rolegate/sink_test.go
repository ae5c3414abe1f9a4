package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/store"
	"rolegate/model"
)

// Killed under load, again and again, while the file is rotated: the files hold
// every entry, in order, in whole lines; what comes twice comes from where the
// cursor was.
func TestKillLosesNoEntryOfTheFile(t *testing.T) {
	t.Parallel() // on PostgreSQL it waits for leases most of the time
	databases(t, killWithFile)
}

func killWithFile(t *testing.T, dir string, open func() (store.Store, error), settings ...string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "audit.jsonl")
	settings = append(settings, "ROLEGATE_LOGIN_RATE=100000", "ROLEGATE_AUDIT_FILE="+out)
	var client string
	var files []string
	for round := range 3 {
		p := serveProcess(t, dir, settings...)
		if round == 0 {
			cfg, err := app.ReadConfig(append([]string{"ROLEGATE_DATA=" + dir}, settings...))
			if err != nil {
				t.Fatal(err)
			}
			cr, err := app.AddClient.Do(context.Background(), cfg, app.ClientRequest{Client: model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide"}}})
			if err != nil {
				t.Fatal(err)
			}
			client = cr.ClientSecret
		}
		// On PostgreSQL the lease of the process that was killed has to run out.
		comesTrue(t, "the sink is held", func() bool { return sinkMetric(t, p, "holder") == 1 })
		answered := &sync.Map{}
		stop := load(t, p.URL, client, answered)
		comesTrue(t, "the sink delivers under load", func() bool { return size(answered) > 50 && sinkMetric(t, p, "events_total") > 50 })
		rotated := out + "." + strconv.Itoa(round)
		if err := os.Rename(out, rotated); err != nil {
			t.Fatal(err)
		}
		files = append(files, rotated)
		comesTrue(t, "a new file after the rotation", func() bool { _, err := os.Stat(out); return err == nil })
		p.kill()
		stop()
	}
	p := serveProcess(t, dir, settings...)
	comesTrue(t, "no lag", func() bool { return sinkMetric(t, p, "holder") == 1 && sinkMetric(t, p, "lag_entries") == 0 })
	p.end(t)

	st, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	entries, err := st.LogSize(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	next, twice := int64(0), 0
	for _, file := range append(files, out) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var e struct{ Metadata struct{ UID string } }
			if err := json.Unmarshal([]byte(line), &e); err != nil || !strings.HasSuffix(line, "\n") {
				t.Fatalf("%s: %q, %v", file, line, err)
			}
			switch i, err := strconv.ParseInt(e.Metadata.UID, 10, 64); {
			case err != nil || i > next:
				t.Fatalf("%s: entry %q comes after %d", file, e.Metadata.UID, next-1)
			case i < next:
				next, twice = i, twice+1
				fallthrough
			default:
				next++
			}
		}
	}
	if next != entries-1 { // that it stopped is recorded after the sinks have
		t.Errorf("%d of %d entries are in the files", next, entries)
	}
	if twice > 3 {
		t.Errorf("entries came again %d times, of 3 kills", twice)
	}
	t.Logf("%d entries; after %d of 3 kills some came again", entries, twice)
}

// comesTrue waits until something is so, for as long as a busy machine may need.
func comesTrue(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// sinkMetric is a metric of the file's sink.
func sinkMetric(t *testing.T, p *process, name string) float64 {
	t.Helper()
	res, err := http.Get("http://" + strings.TrimPrefix(p.Admin, "http://") + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "rolegate_audit_sink_"+name+`{sink="file"} `)
	line, _, _ := strings.Cut(rest, "\n")
	v, err := strconv.ParseFloat(line, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}
