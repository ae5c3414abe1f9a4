package requirements

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/tree"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
)

// own makes a record the asker's.
var own = map[string]any{"owner": "user:alice"}

// asker asks for decisions from several goroutines until it is stopped, and keeps
// what was answered.
type asker struct {
	url    func() string // may change while it asks
	bearer string
	work   sync.WaitGroup
	end    context.CancelFunc

	mu      sync.Mutex
	answers []answered
	count   atomic.Int64 // of yes and no
}

// answered is an answer and when its question was asked.
type answered struct {
	at       time.Time
	took     time.Duration
	status   int
	allowed  bool
	code     string // of a problem
	trace    string
	index    int64 // of its entry; -1 where the answer names none
	leafHash []byte
}

const askers = 6

func startAsking(url func() string, bearer string) *asker {
	a := &asker{url: url, bearer: bearer}
	ctx, cancel := context.WithCancel(context.Background())
	a.end = cancel
	for range askers {
		a.work.Go(func() {
			for ctx.Err() == nil {
				if got, err := a.ask(); err != nil || got.status != http.StatusOK {
					time.Sleep(10 * time.Millisecond) // there is no use in asking faster
				}
			}
		})
	}
	return a
}

// stop ends it and gives what was answered.
func (a *asker) stop() []answered {
	a.end()
	a.work.Wait()
	return a.answers
}

func (a *asker) ask() (answered, error) {
	body, _ := json.Marshal(map[string]any{"subject": map[string]any{"type": "user", "id": "alice"}, "action": map[string]any{"name": "read"},
		"resource": map[string]any{"type": "contact", "id": "1", "properties": own}})
	req, err := http.NewRequest(http.MethodPost, a.url()+"/access/v1/evaluation", bytes.NewReader(body))
	if err != nil {
		return answered{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+a.bearer)
	at := answered{at: time.Now(), index: -1}
	got, err := testkit.Do(req)
	if err != nil {
		return at, err
	}
	at.took, at.status, at.trace = time.Since(at.at), got.Status, got.Header.Get("X-Request-Id")
	at.allowed, at.code = got.Body["decision"] == true, got.Text("code")
	if index := got.Header.Get("Audit-Index"); index != "" {
		if at.index, err = strconv.ParseInt(index, 10, 64); err != nil {
			return at, err
		}
		if at.leafHash, err = base64.StdEncoding.DecodeString(got.Header.Get("Audit-Leaf-Hash")); err != nil {
			return at, err
		}
	}
	a.mu.Lock()
	a.answers = append(a.answers, at)
	a.mu.Unlock()
	if at.status == http.StatusOK {
		a.count.Add(1)
	}
	return at, nil
}

// waitFor waits for so many more decisions.
func (a *asker) waitFor(t *testing.T, more int64) {
	t.Helper()
	want := a.count.Load() + more
	eventually(t, "decisions are answered", func() bool { return a.count.Load() >= want })
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// entries reads the whole log.
func entries(t *testing.T, st store.Entries) (leaves [][]byte) {
	t.Helper()
	for {
		page, err := st.LeavesFrom(context.Background(), int64(len(leaves)), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return leaves
		}
		leaves = append(leaves, page...)
	}
}

// checkLog holds the log against itself and against what was answered: every yes
// and no has one entry, where its receipt says; neither indices nor the numbers of
// a source have a gap; the tree is the head's; and every checkpoint that was stored,
// or seen, is of its beginning.
func checkLog(t *testing.T, st store.Store, answers []answered, seen ...[]byte) {
	t.Helper()
	ctx := context.Background()
	leaves := entries(t, st)
	head, err := st.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if head.Size != int64(len(leaves)) || head.TreeSize != head.Size {
		t.Errorf("the head says %d entries and a tree over %d; there are %d", head.Size, head.TreeSize, len(leaves))
	}
	published := checkpoints(t, st)
	for _, note := range seen {
		size, root := readCheckpoint(t, note)
		if stored, ok := published[size]; !ok || !bytes.Equal(stored, root) {
			t.Errorf("the checkpoint of %d entries was published, and is not stored, or as another one", size)
		}
	}
	frontier, byTrace, numbers := tree.NewFrontier(), map[string]int{}, map[string]int64{}
	for i, leaf := range leaves {
		l, err := audit.Decode(leaf)
		if err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
		if numbers[string(l.Source)]++; l.Seq != numbers[string(l.Source)] {
			t.Errorf("entry %d has number %d of its source, and is the %d. of it", i, l.Seq, numbers[string(l.Source)])
		}
		byTrace[l.Request]++
		frontier.Append(tree.LeafHash(leaf), nil)
		if root, ok := published[frontier.Size()]; ok {
			if !bytes.Equal(root, frontier.Root()) {
				t.Errorf("the checkpoint of %d entries is not of these", frontier.Size())
			}
			delete(published, frontier.Size())
		}
	}
	for size := range published {
		t.Errorf("a checkpoint of %d entries was made, and there are %d", size, len(leaves))
	}
	if headTree, err := tree.ParseFrontier(head.TreeSize, head.Frontier); err != nil || !bytes.Equal(headTree.Root(), frontier.Root()) {
		t.Errorf("the entries' root is not the head's (%v)", err)
	}
	for _, a := range answers {
		if a.status != http.StatusOK {
			continue
		}
		if a.index < 0 {
			t.Errorf("the answer %s names no entry", a.trace)
		}
		if byTrace[a.trace] != 1 {
			t.Errorf("the answer %s has %d entries", a.trace, byTrace[a.trace])
		}
		if a.index >= int64(len(leaves)) || a.index >= 0 && !bytes.Equal(tree.LeafHash(leaves[a.index]), a.leafHash) {
			t.Errorf("the receipt of %s names entry %d, which is not there, or another one", a.trace, a.index)
		}
	}
}

// checkpoints are the roots that were signed, by size.
func checkpoints(t *testing.T, st store.Checkpoints) map[int64][]byte {
	t.Helper()
	roots := map[int64][]byte{}
	for size := int64(0); ; {
		page, err := st.CheckpointsFrom(context.Background(), size, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return roots
		}
		for _, c := range page {
			signed, root := readCheckpoint(t, c.Note)
			if signed != c.Size {
				t.Fatalf("the checkpoint of %d entries is stored as of %d", signed, c.Size)
			}
			roots[signed] = root
			size = c.Size + 1
		}
	}
}

func readCheckpoint(t *testing.T, note []byte) (size int64, root []byte) {
	t.Helper()
	var origin, hash string
	if _, err := fmt.Sscanf(string(note), "%s\n%d\n%s\n", &origin, &size, &hash); err != nil {
		t.Fatalf("%q is no checkpoint: %v", note, err)
	}
	root, err := base64.StdEncoding.DecodeString(hash)
	if err != nil {
		t.Fatalf("%q is no checkpoint: %v", note, err)
	}
	return size, root
}
