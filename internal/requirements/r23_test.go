package requirements

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/reqctx"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	requires(23, "several replicas append to one log: contiguous indices, one head, no checkpoint of a smaller or forked tree; a lock whose holder is dead or stopped is free within the lock timeout", checkR23)
}

// lockTimeout is how long a replica waits for a lock of PostgreSQL's.
const lockTimeout = 10 * time.Second

func checkR23(t *testing.T) {
	r := testkit.NewReplicas(t, 4, "")
	saw := &sightings{acks: map[int64]string{}, notes: map[int64]string{}}
	replicas := make([]*replica, 3)
	for i := range replicas {
		replicas[i] = startReplica(t, r, i, "append", saw)
	}
	for round := range 6 { // each is killed twice, while the others go on
		victim := replicas[round%3]
		victim.wait(40, 1)
		victim.kill()
		replicas[round%3] = startReplica(t, r, round%3, "append", saw)
	}
	for _, p := range replicas {
		p.wait(40, 1)
		p.kill()
	}
	ours := openReplica(t, r.Settings, r.Dirs[3])
	saw.check(t, ours)
	locksComeFree(t, r, ours)
}

// sightings is what replicas were heard to say.
type sightings struct {
	mu    sync.Mutex
	acks  map[int64]string // leaf hashes by index, of what was answered
	notes map[int64]string // checkpoints by size, of what was published
	twice []string
}

func (s *sightings) add(said spoken) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, key, value := s.acks, said.Index, string(said.Hash)
	if said.Note != "" {
		in, key, value = s.notes, said.Size, said.Note
	}
	if was, there := in[key]; there && (was != value || said.Note == "") {
		s.twice = append(s.twice, fmt.Sprintf("%d: %q and %q", key, was, value))
	}
	in[key] = value
}

// check holds what was said against the log. All that it computes with is
// golang.org/x/mod.
func (s *sightings) check(t *testing.T, a *app.App) {
	t.Helper()
	ctx := t.Context()
	for _, what := range s.twice {
		t.Errorf("said twice: %s", what)
	}
	head, err := a.Store.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := a.Store.LeavesFrom(ctx, 0, int(head.Size)+10)
	if err != nil || int64(len(leaves)) != head.Size || head.TreeSize != head.Size {
		t.Fatalf("%d entries, a head of %d, a tree of %d: %v", len(leaves), head.Size, head.TreeSize, err)
	}
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, n := range at {
			out[i] = stored[n]
		}
		return out, nil
	})
	seqs := map[string]int64{}
	for i, b := range leaves {
		hashes, err := tlog.StoredHashes(int64(i), b, read)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
		leaf, err := audit.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if seqs[string(leaf.Source)]++; seqs[string(leaf.Source)] != leaf.Seq {
			t.Fatalf("entry %d is number %d of its source, want %d", i, leaf.Seq, seqs[string(leaf.Source)])
		}
		if said, ok := s.acks[int64(i)]; ok && said != string(hashes[0][:]) {
			t.Errorf("entry %d is not the one that was answered", i)
		}
		delete(s.acks, int64(i))
	}
	if len(s.acks) > 0 {
		t.Errorf("answered, and not in the log: %v", s.acks)
	}
	k, err := a.Checkpoints.Key(ctx)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(k.VKey)
	if err != nil {
		t.Fatal(err)
	}
	for size, text := range s.notes {
		n, err := note.Open([]byte(text), note.VerifierList(v))
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		root, err := tlog.TreeHash(size, read)
		if err != nil || n.Text != fmt.Sprintf("%s\n%d\n%s\n", k.Origin(), size, root) {
			t.Errorf("a checkpoint of another log than its first %d entries: %s (%v)", size, n.Text, err)
		}
	}
	if last := a.Checkpoints.State(); len(s.notes) == 0 || last.Refused != nil {
		t.Errorf("%d checkpoints, %+v", len(s.notes), last)
	}
	t.Logf("%d entries, %d checkpoints, %d processes", len(leaves), len(s.notes), len(seqs))
}

// locksComeFree has a replica take head and job, and die or stop with them.
func locksComeFree(t *testing.T, r testkit.Replicas, ours *app.App) {
	for _, how := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		holder := startReplica(t, r, 0, "hold", nil)
		holder.wait(1, 0)
		if err := holder.cmd.Process.Signal(how); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for {
			err := ours.Log.Append(t.Context(), started)
			if err == nil {
				_, err = ours.Checkpoints.Publish(t.Context())
			}
			took := time.Since(began)
			if err == nil {
				t.Logf("after %v of its holder the log went on in %v", how, took.Round(time.Millisecond))
				break
			}
			if took > lockTimeout {
				t.Fatalf("%v after %v of the holder of its locks the log stands: %v", took, how, err)
			}
		}
		holder.kill()
	}
}

// replica is a process of its own, see TestReplica.
type replica struct {
	t    *testing.T
	cmd  *exec.Cmd
	said chan spoken
	done chan struct{} // nothing more comes
}

// spoken is a line that a replica prints.
type spoken struct {
	Index int64  `json:",omitempty"` // an entry that was answered
	Hash  []byte `json:",omitempty"`
	Size  int64  `json:",omitempty"` // or a checkpoint that was published
	Note  string `json:",omitempty"`
}

const replicaRole, replicaDir = "ROLEGATE_REQUIREMENT_ROLE", "ROLEGATE_REQUIREMENT_DIR"

func startReplica(t *testing.T, r testkit.Replicas, i int, role string, saw *sightings) *replica {
	t.Helper()
	p := &replica{t: t, cmd: exec.Command(os.Args[0], "-test.run=^TestReplica$"), said: make(chan spoken, 1<<20), done: make(chan struct{})}
	p.cmd.Env = append(slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "ROLEGATE_") }),
		append(r.Settings, replicaRole+"="+role, replicaDir+"="+r.Dirs[i])...)
	p.cmd.Stderr = t.Output()
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var said spoken
			if json.Unmarshal(lines.Bytes(), &said) != nil {
				continue // the last line of one that was killed, or the test's own
			}
			if saw != nil {
				saw.add(said)
			}
			p.said <- said
		}
	}()
	t.Cleanup(p.kill)
	return p
}

// wait returns once it has said n things more, so many checkpoints among them: on a
// busy machine appending leaves few of those.
func (p *replica) wait(n, checkpoints int) {
	p.t.Helper()
	late := time.After(2 * time.Minute)
	for n > 0 || checkpoints > 0 {
		select {
		case said := <-p.said:
			n--
			if said.Note != "" {
				checkpoints--
			}
		case <-p.done:
			p.t.Fatal("a replica ended")
		case <-late:
			p.t.Fatal("a replica says nothing")
		}
	}
}

func (p *replica) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
	_ = p.cmd.Wait()
}

var started = audit.Entry{Class: audit.ClassSystem, Activity: audit.Started, Outcome: audit.OutcomeOK, Caller: model.Caller{Kind: model.CallerSystem}}

func openReplica(t *testing.T, settings []string, dir string) *app.App {
	t.Helper()
	cfg, err := app.ReadConfig(append([]string{"ROLEGATE_DATA=" + dir}, settings...))
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), cfg, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// TestReplica is no test, but what startReplica starts.
func TestReplica(t *testing.T) {
	role := os.Getenv(replicaRole)
	if role == "" {
		t.Skip("only for requirements that start it")
	}
	settings := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return !strings.HasPrefix(kv, "ROLEGATE_") || strings.HasPrefix(kv, "ROLEGATE_REQUIREMENT_")
	})
	a := openReplica(t, settings, os.Getenv(replicaDir))
	say := func(said spoken) {
		b, err := json.Marshal(said)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%s\n", b)
	}
	if role == "hold" {
		_ = a.Store.InTx(t.Context(), func(tx store.Tx) error {
			if _, _, err := tx.TakeHead(t.Context(), []byte("holder"), 0); err != nil {
				return err
			}
			if _, err := tx.LockJob(t.Context(), "checkpoint"); err != nil {
				return err
			}
			say(spoken{})
			select {} // until it is killed
		})
		return
	}
	go func() {
		for {
			c, err := a.Checkpoints.Publish(context.Background())
			if err != nil {
				slog.Error("no checkpoint", "error", err)
				continue
			}
			say(spoken{Size: c.Size, Note: string(c.Note)})
		}
	}()
	for range 4 {
		go func() {
			for {
				ctx := reqctx.With(context.Background(), &reqctx.Request{})
				if err := a.Log.Append(ctx, started); err == nil {
					at := reqctx.From(ctx).Receipt()
					say(spoken{Index: at.Index, Hash: bytes.Clone(at.LeafHash)})
				}
			}
		}()
	}
	select {}
}
