package mariatest

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// server is a running MariaDB with its data in a temporary directory.
type server struct {
	dir    string // data, socket, log
	port   int
	as     *syscall.Credential // nil: ourselves
	keeper *exec.Cmd
	leash  io.WriteCloser // the keeper's standard input, which ends with this process
}

// keeper runs the server and outlives this process, if only by a moment: when
// its input ends, however that came, it stops the server and removes the
// directory.
const keeper = `dir=$1; shift
"$@" & server=$!
read -r _
kill -KILL $server; wait $server; rm -rf "$dir"`

func newServer() (*server, error) {
	install, err := exec.LookPath("mariadb-install-db")
	if err != nil {
		return nil, errMissing("MariaDB is not installed")
	}
	daemon, err := find("mariadbd")
	if err != nil {
		return nil, err
	}
	as, err := account()
	if err != nil {
		return nil, err
	}
	for range 3 { // another process may take the port before the server does
		var s *server
		if s, err = try(install, daemon, as); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// try makes a server in a directory of its own.
func try(install, daemon string, as *syscall.Credential) (*server, error) {
	dir, err := os.MkdirTemp("", "mariatest")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, as: as}
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			return nil, err
		}
	}
	out, err := s.command(install, "--no-defaults", "--datadir="+s.data(), "--auth-root-authentication-method=normal", "--skip-test-db").CombinedOutput()
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("mariadb-install-db: %w\n%s", err, out)
	}
	if err := s.launch(daemon); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

// find looks where Debian puts daemons, too, which is not in everybody's path.
func find(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	if path := "/usr/sbin/" + name; exec.Command(path, "--version").Run() == nil {
		return path, nil
	}
	return "", errMissing("MariaDB is not installed")
}

// account is whom the server runs as: it refuses to be root.
func account() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("mysql")
	if err != nil {
		return nil, errMissing("there is no user mysql to run MariaDB as")
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
func (s *server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir = s.dir
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + s.dir}
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: s.as}
	return c
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

// dsn names the server as the driver wants it.
func (s *server) dsn() string { return fmt.Sprintf("root@tcp(127.0.0.1:%d)/", s.port) }

func (s *server) launch(daemon string) (err error) {
	if s.port, err = freePort(); err != nil {
		return err
	}
	logFile := filepath.Join(s.dir, "log")
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s.keeper = s.command("/bin/sh", "-c", keeper, "sh", s.dir, daemon, "--no-defaults", "--datadir="+s.data(),
		"--bind-address=127.0.0.1", "--port="+strconv.Itoa(s.port), "--socket="+filepath.Join(s.dir, "socket"),
		"--pid-file="+filepath.Join(s.dir, "pid"), "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
		"--innodb-buffer-pool-size=64M", "--max-connections=50")
	s.keeper.Stdout, s.keeper.Stderr = log, log
	if s.leash, err = s.keeper.StdinPipe(); err != nil {
		return err
	}
	if err := s.keeper.Start(); err != nil {
		return err
	}
	db, err := sql.Open("mysql", s.dsn())
	if err != nil {
		return err
	}
	defer db.Close()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if err = db.Ping(); err == nil {
			return nil
		}
		text, _ := os.ReadFile(logFile)
		if bytes.Contains(text, []byte("[ERROR] Aborting")) || time.Now().After(deadline) {
			s.leash.Close()
			s.keeper.Wait()
			return fmt.Errorf("start MariaDB: %w\n%s", err, text)
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
