package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/go-chi/chi/v5"

	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
)

// bareEnv makes the program a bare handler instead, of a kind.
const bareEnv = "ROLEGATE_BENCH_BARE"

// A bare handler decodes the question and answers a constant.
const (
	bareConstant = "constant" // and nothing else: the limit of net/http with chi
	bareDurable  = "durable"  // once a row like a decision's is committed
	bareBuffered = "buffered" // with such a row in a queue of which thousands are committed at a time
)

// serveBare does what the environment says; kind is bareEnv's value.
func serveBare(kind string) error {
	record := func() bool { return true }
	if kind != bareConstant {
		dir, err := os.MkdirTemp("", "rgbare")
		if err != nil {
			return err
		}
		st, err := sqlstore.OpenSQLite(context.Background(), filepath.Join(dir, "rolegate.db"))
		if err != nil {
			return err
		}
		record = recorder(kind, st)
	}
	type entity struct {
		Type       string         `json:"type"`
		ID         string         `json:"id"`
		Properties map[string]any `json:"properties"`
	}
	r := chi.NewRouter()
	r.Post("/access/v1/evaluation", func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Subject, Resource entity
			Action            struct {
				Name       string         `json:"name"`
				Properties map[string]any `json:"properties"`
			} `json:"action"`
			Context map[string]any `json:"context"`
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if !record() {
			http.Error(w, "not recorded", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"decision":true}`))
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	return http.Serve(ln, r)
}

// bareQueue is how many rows wait to be written behind answers.
const bareQueue = 65_536

// recorder writes rows to a store as its kind says; it tells whether one may count as
// written.
func recorder(kind string, st store.Store) func() bool {
	if kind == bareDurable {
		waiting := make(chan chan struct{}, 1024)
		go commitGroups(context.Background(), st, waiting)
		return func() bool {
			done := make(chan struct{})
			waiting <- done
			_, ok := <-done
			return ok
		}
	}
	queue := make(chan struct{}, bareQueue)
	var failed atomic.Bool
	go func() {
		for range queue {
			n := 1
			for ; n < len(entries) && len(queue) > 0; n++ {
				<-queue
			}
			if _, err := st.AppendEntries(context.Background(), entries[:n]); err != nil {
				failed.Store(true)
			}
		}
	}()
	return func() bool {
		select {
		case queue <- struct{}{}:
			return !failed.Load()
		default:
			return false
		}
	}
}

// child is a process that dies with this one.
type child struct {
	cmd  *exec.Cmd
	addr string // it listens on
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// startBare runs a bare handler in a process of its own.
func (b *bench) startBare(kind string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), bareEnv+"="+kind, "TMPDIR="+b.dir)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd: cmd}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		c.kill()
		return nil, fmt.Errorf("the bare handler did not start: %w", err)
	}
	c.addr = strings.TrimSpace(line)
	return c, nil
}
