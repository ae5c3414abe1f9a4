package pgtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// The settings of the two kinds of server. The locale of both sorts a before B,
// unlike SQLite, so that a query that forgets its collation is found out.
var (
	fast    = []string{"fsync=off", "synchronous_commit=off", "full_page_writes=off"}
	durable = []string{"fsync=on"}
)

// Server is a running PostgreSQL with its data in a temporary directory.
type Server struct {
	t        testing.TB // nil for the shared one
	bin      string     // where the programs are
	dir      string     // data, socket, log
	port     int
	settings []string
	as       *syscall.Credential // nil: ourselves

	keeper *exec.Cmd
	leash  io.WriteCloser // the keeper's standard input
}

// keeper runs the server and outlives this process, if only by a moment. Told
// to stop it keeps the data; when its input ends because this process ended,
// however that came, it stops the server and removes the directory.
const keeper = `dir=$1; shift
"$@" & server=$!
if read -r _; then
	kill -INT $server; wait $server
else
	kill -QUIT $server; wait $server; rm -rf "$dir"
fi`

func newServer(settings []string) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, settings: settings}
	if s.as, err = account(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "pgtest"); err != nil {
		return nil, err
	}
	if s.as != nil {
		if err := os.Chown(s.dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return nil, err
		}
	}
	if err := s.initdb(); err != nil {
		os.RemoveAll(s.dir)
		return nil, err
	}
	if err := s.start(); err != nil {
		os.RemoveAll(s.dir)
		return nil, err
	}
	return s, nil
}

// programs finds the newest installed server.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	version := func(path string) float64 {
		v, _ := strconv.ParseFloat(filepath.Base(filepath.Dir(filepath.Dir(path))), 64)
		return v
	}
	if len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(version(a), version(b)) })), nil
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", errMissing("PostgreSQL is not installed")
}

// account is whom the server runs as: it refuses to be root.
func account() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, errMissing("there is no user postgres to run PostgreSQL as")
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// command runs a program as the server's account, away from the terminal and
// its signals, and away from the pipes that `go test` waits for.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir = s.dir
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + s.dir}
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: s.as}
	return c
}

func (s *Server) data() string    { return filepath.Join(s.dir, "data") }
func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }

func (s *Server) initdb() error {
	args := []string{"-D", s.data(), "-U", "rolegate", "-E", "UTF8", "--auth=trust", "--no-sync"}
	out, err := s.command(filepath.Join(s.bin, "initdb"), append(args, "--locale-provider=icu", "--icu-locale=en-US")...).CombinedOutput()
	if err != nil { // older than version 15, or built without ICU
		out, err = s.command(filepath.Join(s.bin, "initdb"), args...).CombinedOutput()
	}
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// start tries a few ports: another process may take one before the server does,
// and a killed server's children may hold its memory for a moment.
func (s *Server) start() (err error) {
	keep := s.port != 0 // a server that comes back has its old address
	for range 5 {
		if !keep {
			if s.port, err = freePort(); err != nil {
				return err
			}
		}
		if err = s.launch(); err == nil {
			return nil
		}
		time.Sleep(300 * time.Millisecond)
	}
	return err
}

func (s *Server) launch() error {
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{"-c", keeper, "sh", s.dir, filepath.Join(s.bin, "postgres"), "-D", s.data(),
		"-c", "listen_addresses=127.0.0.1", "-c", "port=" + strconv.Itoa(s.port),
		"-c", "unix_socket_directories=" + s.dir, "-c", "max_connections=300", "-c", "shared_buffers=64MB",
		"-c", "deadlock_timeout=100ms", "-c", "log_min_messages=fatal"}
	for _, v := range s.settings {
		args = append(args, "-c", v)
	}
	s.keeper = s.command("/bin/sh", args...)
	s.keeper.Stdout, s.keeper.Stderr = log, log
	if s.leash, err = s.keeper.StdinPipe(); err != nil {
		return err
	}
	if err := s.keeper.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		c, err := pgx.Connect(ctx, s.URL())
		if err == nil {
			c.Close(ctx)
			cancel()
			return nil
		}
		cancel()
		_, pidErr := s.pid()
		text, _ := os.ReadFile(s.logFile())
		failed := pidErr != nil && bytes.Contains(text, []byte("FATAL"))
		if failed || time.Now().After(deadline) {
			s.halt()
			return fmt.Errorf("start PostgreSQL: %w\n%s", err, text)
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// pid is the postmaster's, as it wrote it down.
func (s *Server) pid() (int, error) {
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(line)
}

// URL names the server's database. It stays the same when the server is
// stopped and started.
func (s *Server) URL() string {
	u := url.URL{Scheme: "postgres", User: url.User("rolegate"), Host: fmt.Sprintf("127.0.0.1:%d", s.port), Path: "/postgres"}
	return u.String() + "?sslmode=disable"
}

// Database makes a database of the name and gives its URL.
func (s *Server) Database(name string) (string, error) {
	if err := run(s.URL(), "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("make a database: %w", err)
	}
	return strings.Replace(s.URL(), "/postgres?", "/"+name+"?", 1), nil
}

// Stop ends the server in good order, breaking off its connections.
func (s *Server) Stop() {
	s.t.Helper()
	s.halt()
}

// Kill ends the server as a power cut would: all of its processes at once. One that
// serves a connection would else go on, and commit, until it noticed.
func (s *Server) Kill() {
	s.t.Helper()
	pid, err := s.pid()
	if err != nil {
		s.t.Fatal(err)
	}
	all := []int{pid}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil { // so that no more come
		s.t.Fatal(err)
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		s.t.Logf("only the server's first process is killed: %v", err)
	}
	for field := range strings.FieldsSeq(string(children)) {
		child, err := strconv.Atoi(field)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, child)
	}
	for _, pid := range all {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			s.t.Fatal(err)
		}
	}
	s.halt()
}

// Start runs a stopped or killed server again.
func (s *Server) Start() {
	s.t.Helper()
	if s.keeper != nil {
		s.t.Fatal("the server runs already")
	}
	if err := s.start(); err != nil {
		s.t.Fatal(err)
	}
}

// halt tells the keeper to stop the server and waits for both.
func (s *Server) halt() {
	if s.keeper == nil {
		return
	}
	io.WriteString(s.leash, "stop\n")
	s.keeper.Wait()
	s.keeper, s.leash = nil, nil
}

// Save keeps the server's data as they are now, for Restore. The server stops for it.
func (s *Server) Save() {
	s.t.Helper()
	s.halt()
	s.copy(s.data(), s.data()+".saved")
	s.Start()
}

// Restore brings the server back as Save kept it, on a new timeline: as a standby
// does that was behind when it was promoted. What was committed since is lost.
func (s *Server) Restore() {
	s.t.Helper()
	s.halt()
	s.copy(s.data()+".saved", s.data())
	touch := s.command("touch", filepath.Join(s.data(), "recovery.signal"))
	if out, err := touch.CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	s.settings = append(s.settings, "restore_command=/bin/false", "recovery_target_timeline=current")
	s.Start()
}

func (s *Server) copy(from, to string) {
	s.t.Helper()
	if err := os.RemoveAll(to); err != nil {
		s.t.Fatal(err)
	}
	if out, err := s.command("cp", "-a", from, to).CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
}

// Remove ends the server and takes its data away.
func (s *Server) Remove() {
	s.halt()
	os.RemoveAll(s.dir)
}
