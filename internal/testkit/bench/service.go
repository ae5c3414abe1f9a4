package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rolegate/internal/testkit/workload"
	"rolegate/model"
)

// service is a running `rolegate serve` on a data directory of its own.
type service struct {
	child
	b     *bench
	env   []string
	Ready time.Duration // from start to ready
}

// serve starts the shipped binary on an empty data directory.
func (b *bench) serve(settings ...string) (*service, error) {
	data, err := os.MkdirTemp(b.dir, "data")
	if err != nil {
		return nil, err
	}
	s := &service{b: b, env: append(cleanEnviron(), append([]string{
		"ROLEGATE_DATA=" + data, "ROLEGATE_LISTEN=127.0.0.1:0", "ROLEGATE_ADMIN_LISTEN=127.0.0.1:0",
		"ROLEGATE_LOGIN_RATE=1000000"}, settings...)...)}
	s.cmd = exec.Command(b.path("rolegate"), "serve", "--json")
	s.cmd.Env = s.env
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	// To a file, as a service manager takes it: a log line a request must not
	// cost the load generator anything.
	log, err := os.Create(filepath.Join(data, "stderr"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd.Stderr = log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, rest, ok := strings.Cut(lines.Text(), `"url": "http://`); ok {
			s.addr, s.Ready = strings.TrimRight(rest, `",`), time.Since(began)
			go io.Copy(io.Discard, out)
			return s, nil
		}
	}
	s.kill()
	said, _ := os.ReadFile(log.Name())
	return nil, fmt.Errorf("serve ended before it was ready: %s", said)
}

// cleanEnviron is this process's environment without settings of Rolegate.
func cleanEnviron() []string {
	var out []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "ROLEGATE_") {
			out = append(out, kv)
		}
	}
	return out
}

// command runs the command line beside the service; result is decoded JSON.
func (s *service) command(result any, args ...string) error {
	cmd := exec.CommandContext(s.b.ctx, s.b.path("rolegate"), append(args, "--json")...)
	cmd.Env = s.env
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("rolegate %s: %w: %s", args[0], err, said.Bytes())
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(out, result)
}

// furnish makes the default tenant a firm of the workload, and returns a
// client's token to ask with.
func (s *service) furnish(t *workload.Tenant) (token string, err error) {
	roles := []string{}
	for _, r := range t.Directory.Roles {
		roles = append(roles, r.ID)
	}
	directory, err := json.Marshal(map[string]any{"subjects": t.Directory.Subjects, "teams": t.Directory.Teams, "units": t.Directory.Units,
		"territories": t.Directory.Territories, "roles": roles, "assignments": t.Directory.Assignments})
	if err != nil {
		return "", err
	}
	var client struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	err = errors.Join(
		os.WriteFile(s.b.path("policy.csv"), []byte(t.Policy), 0o600),
		os.WriteFile(s.b.path("catalog.yaml"), []byte(t.Catalog), 0o600),
		os.WriteFile(s.b.path("directory.json"), directory, 0o600),
		s.command(nil, "import", s.b.path("directory.json")),
		s.command(nil, "policy", "import", s.b.path("policy.csv")),
		s.command(nil, "tenant", "set", model.DefaultTenant, "--catalog", s.b.path("catalog.yaml")),
		s.command(&client, "client", "add", "crm", "--scope", "decide"),
	)
	if err != nil {
		return "", err
	}
	form := strings.NewReader("grant_type=client_credentials")
	req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+"/oauth2/token", form)
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(client.ID), url.QueryEscape(client.Secret))
	var answer struct {
		Token string `json:"access_token"`
	}
	return answer.Token, ask(req, &answer)
}

// ask sends a request that must be answered with 200 and decodes the answer.
func ask(req *http.Request, answer any) error {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %d, %w: %s", req.URL.Path, resp.StatusCode, err, body)
	}
	return json.Unmarshal(body, answer)
}

// memory reads a figure such as VmRSS or VmHWM of the service and of the
// processes it has started, in MB. Pages of the program, which are in memory once
// however many of them run it, are counted once.
func (s *service) memory(name string) (mb float64, err error) {
	for i, pid := range s.processes() {
		of, err := memoryOf(pid, name)
		if err != nil {
			return 0, err
		}
		if mb += of; i > 0 {
			again, err := sharedOf(pid)
			if err != nil {
				return 0, err
			}
			mb -= again
		}
	}
	return mb, nil
}

// sharedOf is how much of a file's pages in a process are another process's as well.
// (Of all that a process maps the rest is its own alone.)
func sharedOf(pid string) (mb float64, err error) {
	return figureIn("/proc/"+pid+"/smaps_rollup", "Shared_Clean")
}

func memoryOf(pid, name string) (float64, error) { return figureIn("/proc/"+pid+"/status", name) }

// figureIn reads a line such as "VmRSS:   1234 kB" of a file in /proc.
func figureIn(path, name string) (mb float64, err error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(file)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			return float64(kb) * 1024 / 1e6, err
		}
	}
	return 0, fmt.Errorf("no %s in %s", name, path)
}

// processes are the service and those it has started, by process id.
func (s *service) processes() []string {
	own := strconv.Itoa(s.cmd.Process.Pid)
	all := []string{own}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		// After the name, which may hold anything, come the state and the parent.
		after := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(after) > 1 && after[1] == own {
			all = append(all, filepath.Base(filepath.Dir(path)))
		}
	}
	return all
}

// forgetPeak makes VmHWM count from now.
func (s *service) forgetPeak() error {
	for _, pid := range s.processes() {
		if err := os.WriteFile("/proc/"+pid+"/clear_refs", []byte("5"), 0); err != nil {
			return err
		}
	}
	return nil
}

// start is how soon a new service is ready, and what it holds at rest.
func (b *bench) start() error {
	var ready, idle []float64
	for range b.plan.Repeats {
		s, err := b.serve()
		if err != nil {
			return err
		}
		time.Sleep(b.plan.Rest)
		mb, err := s.memory("VmRSS")
		s.kill()
		if err != nil {
			return err
		}
		ready, idle = append(ready, s.Ready.Seconds()*1e3), append(idle, mb)
	}
	ms, mb := median(ready), median(idle)
	b.add("ready after the first start, starter policy", "≤ 1 s", fmt.Sprintf("%.0f ms", ms), "", met(ms <= 1000))
	b.add("memory at rest", "≤ 60 MB", fmt.Sprintf("%.0f MB", mb), "", met(mb <= 60))
	return nil
}
