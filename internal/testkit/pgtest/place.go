package pgtest

import (
	"os"
	"path/filepath"
	"strings"
)

// DatabaseIn makes a database whose tables are in an empty directory, which becomes
// the server's, and gives its URL.
func (s *Server) DatabaseIn(dir, name string) string {
	s.t.Helper()
	s.own(dir)
	s.run("CREATE TABLESPACE " + name + " LOCATION '" + dir + "'")
	s.run("CREATE DATABASE " + name + " TABLESPACE " + name)
	return strings.Replace(s.URL(), "/postgres?", "/"+name+"?", 1)
}

// MoveLog moves the write-ahead log into a directory, which becomes the server's. The
// server stops for it.
func (s *Server) MoveLog(dir string) {
	s.t.Helper()
	s.own(dir)
	s.halt()
	log, moved := filepath.Join(s.data(), "pg_wal"), filepath.Join(dir, "pg_wal")
	s.copy(log, moved)
	if err := os.RemoveAll(log); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Symlink(moved, log); err != nil {
		s.t.Fatal(err)
	}
	s.Start()
}

// ExhaustLog uses up the room that the write-ahead log has of its own, in files made
// or kept beforehand, until the server can write no more.
func (s *Server) ExhaustLog() {
	s.t.Helper()
	for range 100 {
		if err := run(s.URL(), "SELECT pg_switch_wal(), txid_current()"); err != nil { // ID: so that there is something to write
			s.t.Logf("the log is exhausted: %v", err)
			return
		}
	}
	s.t.Fatal("the log has no end")
}

func (s *Server) own(dir string) {
	s.t.Helper()
	if s.as == nil {
		return
	}
	if err := os.Chown(dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) run(statement string) {
	s.t.Helper()
	if err := run(s.URL(), statement); err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
}
