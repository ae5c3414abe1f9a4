package requirements

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/audit/tree"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	requires(11, "the schema of leaves rejects unknown fields, and after all that can be done no e-mail, address, name, record id, token, password, one-time or recovery code is in any leaf, log line, metric, span, tile, checkpoint or answer header", func(t *testing.T) {
		t.Run("schema", leavesAreClosed)
		testkit.Directories(t, func(t *testing.T, dir string, settings ...string) {
			settings = append(settings, testkit.Proxied, "ROLEGATE_LOG_LEVEL=debug", "ROLEGATE_TRACE_SAMPLE=1", "ROLEGATE_CORS_ORIGINS=https://crm.example")
			nothingOfAnybody(t, func(more ...string) *testkit.Kit { return testkit.Start(t, dir, append(settings, more...)...) })
		})
	})
}

// leavesAreClosed: a field that the schema does not have, at any depth, is refused,
// and so is one that is there twice, or bytes after the last one.
func leavesAreClosed(t *testing.T) {
	index := int64(3)
	good, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := good.Marshal(audit.Leaf{Version: 1, Class: audit.ClassDecision, Items: []audit.Item{{Outcome: audit.OutcomeDeny}},
		Segments: []audit.SegRef{{Ref: []byte{1}, Epoch: "decision/2026-11", Sum: []byte{2}}},
		Act:      &audit.Act{Kind: audit.EraseExecuted, Request: &index, Scope: &audit.Scope{Refs: [][]byte{{1}}, Epochs: []audit.Epoch{{Epoch: "x"}}, Segments: []audit.Segment{{Index: 1}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Decode(leaf); err != nil {
		t.Fatalf("a good one is refused: %v", err)
	}
	var decoded map[any]any
	if err := cbor.Unmarshal(leaf, &decoded); err != nil {
		t.Fatal(err)
	}
	tried := 0
	// Every map of the leaf gets a member more, one after the other.
	var alter func(v any)
	alter = func(v any) {
		switch v := v.(type) {
		case map[any]any:
			for _, key := range []any{uint64(99), "name", int64(-1)} {
				v[key] = annName
				b, err := good.Marshal(decoded)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := audit.Decode(b); err == nil {
					t.Errorf("a leaf with %v is taken: %v", key, decoded)
				}
				delete(v, key)
				tried++
			}
			for _, member := range v {
				alter(member)
			}
		case []any:
			for _, member := range v {
				alter(member)
			}
		}
	}
	alter(decoded)
	if tried < 21 {
		t.Errorf("only %d were tried", tried)
	}
	for name, b := range map[string][]byte{
		"bytes behind it": append(slices.Clone(leaf), "ann"...),
		"a field twice":   append([]byte{0xa2, 1, 1, 1}, 1),
		"no map":          {0x63, 'a', 'n', 'n'},
		"open length":     {0xbf, 1, 1, 0xff},
	} {
		if _, err := audit.Decode(b); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// spanCollector takes what is traced.
func spanCollector(t *testing.T) (url string, got func() []byte) {
	var mu sync.Mutex
	var all bytes.Buffer
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		io.Copy(&all, r.Body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, func() []byte {
		mu.Lock()
		defer mu.Unlock()
		return bytes.Clone(all.Bytes())
	}
}

// notInTheStory are routes and operations it does not go to, and why.
var notInTheStory = map[string]string{}

func nothingOfAnybody(t *testing.T, start func(more ...string) *testkit.Kit) {
	url, spans := spanCollector(t)
	k := start("ROLEGATE_OTLP_ENDPOINT=" + url)
	s := newStory(t, k)
	s.whole()
	for _, name := range s.missing(notInTheStory) {
		t.Errorf("the story does not go to %s", name)
	}
	findsWhatIsThere(t, s.all)

	places := map[string][]byte{
		"leaves": s.leaves(), "headers of answers": s.headers, "metrics": s.metrics(),
		"tiles and checkpoints": append(s.tilesAndCheckpoints(), s.published...),
	}
	k.Stop()
	places["log"], places["spans"] = withoutTimes(k.Logs.Bytes()), spans()
	for place, text := range places {
		if len(text) < 1000 {
			t.Errorf("%s: only %d bytes", place, len(text))
		}
		for _, what := range found(s.all, text) {
			t.Errorf("the %s hold the %s", place, what)
		}
	}
}

// whole plays everything.
func (s *story) whole() {
	s.t.Helper()
	invites := s.beginning(s.keep("id of an administrator", "sys-of-quimby"), "sec-of-quimby", "aud-of-quimby")
	sys, sec, aud := s.enrol("sys-of-quimby", invites["sys-of-quimby"]), s.enrol("sec-of-quimby", invites["sec-of-quimby"]), s.enrol("aud-of-quimby", invites["aud-of-quimby"])
	add := app.UserRequest{Tenant: tenant, User: annID, Username: annMail, Roles: []string{"sales-rep"}, Reason: because}
	ann := s.enrol(annID, operate(s, app.AddUser, add).Invite)
	add.User, add.Username = benID, benMail
	s.people(ann, annMail, operate(s, app.AddUser, add).Invite)

	crm := operate(s, app.AddClient, app.ClientRequest{Client: model.Client{ID: "crm", Tenant: tenant, Scopes: []string{"decide", "explain", "directory"}}})
	client := s.token("crm", crm.ClientSecret)
	s.directory(client)
	s.backends(client, "crm", crm.ClientSecret, ann)
	s.administrators(sys, sec)
	s.policies(sec, aud)
	s.stepUp(aud)
	s.readTheLog(aud, client)
	s.call("POST", "/v1/logout", aud.Access, nil)
	s.operators()
	s.operationsOnTheLog()
	s.keys()
}

// leaves are all of the log, each exactly what its schema says and nothing more.
func (s *story) leaves() (all []byte) {
	s.t.Helper()
	ctx := context.Background()
	exact, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		s.t.Fatal(err)
	}
	id := regexp.MustCompile(`^([0-9a-f]{32}|[A-Z2-7]{26}|)$`) // a trace's, or a command's
	word := regexp.MustCompile(`^[a-z0-9_.{}/*-]*$`)
	for n := int64(0); ; {
		rows, err := s.App.Store.EntriesFrom(ctx, n, 500)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(rows) == 0 {
			s.t.Logf("%d leaves", n)
			return all
		}
		for _, row := range rows {
			leaf, err := audit.Decode(row.Leaf)
			if err != nil {
				s.t.Fatal(err)
			}
			again, err := exact.Marshal(leaf)
			if err != nil || !bytes.Equal(again, row.Leaf) {
				s.t.Errorf("a leaf holds more than its schema: %x", row.Leaf)
			}
			if !id.MatchString(leaf.Request) {
				s.t.Errorf("%s: the request is %q", leaf.Activity, leaf.Request)
			}
			for _, w := range []string{leaf.Object, string(leaf.Class), string(leaf.Activity), string(leaf.Code), string(leaf.Outcome), leaf.Actor} {
				if !word.MatchString(w) {
					s.t.Errorf("%s: %q is no word of ours", leaf.Activity, w)
				}
			}
			all = append(append(all, row.Leaf...), '\n')
		}
		n += int64(len(rows))
	}
}

// metrics are the names and labels of all series, without their values.
func (s *story) metrics() (all []byte) {
	s.t.Helper()
	resp, err := http.Get(s.Admin + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if series, _, found := strings.Cut(line, "} "); found {
			line = series + "}\n"
		} else if name, _, found := strings.Cut(line, " "); found && !strings.HasPrefix(line, "#") {
			line = name + "\n"
		}
		all = append(all, line...)
	}
	return all
}

// tilesAndCheckpoints are those that are stored, and the tiles of leaf hashes that
// can be made of the entries.
func (s *story) tilesAndCheckpoints() (all []byte) {
	s.t.Helper()
	ctx := context.Background()
	for level := range 3 {
		tiles, err := s.App.Store.TilesFrom(ctx, level, 0, 1000)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, tile := range tiles {
			all = append(all, tile.Hashes...)
		}
	}
	points, err := s.App.Store.CheckpointsFrom(ctx, 0, 10_000)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range points {
		all = append(all, p.Note...)
	}
	rows, err := s.App.Store.EntriesFrom(ctx, 0, 10_000)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, row := range rows {
		all = append(all, tree.LeafHash(row.Leaf)...)
	}
	return all
}

// withoutTimes takes the times out of the lines of the service's log: six digits of
// one are no code.
func withoutTimes(log []byte) []byte {
	return regexp.MustCompile(`"(time":"[^"]*"|duration_ms":[0-9.e+-]*)`).ReplaceAll(log, []byte(`"`))
}
