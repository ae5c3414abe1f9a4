package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/go-chi/chi/v5"
)

// bareEnv makes the program the bare handler instead.
const bareEnv = "ROLEGATE_BENCH_BARE"

// serveBare is the limit of net/http with chi: it decodes the question and
// answers a constant.
func serveBare() {
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
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"decision":true}`))
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(ln.Addr())
	_ = http.Serve(ln, r)
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

// startBare runs the bare handler in a process of its own.
func startBare() (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), bareEnv+"=1")
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
