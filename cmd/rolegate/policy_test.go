package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The last line of a list that was cut is about no line, and does not look as if
// it were.
func TestCutListOfBadRows(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "bad.csv")
	if err := os.WriteFile(file, []byte(strings.Repeat("nonsense\n", 10_005)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if status := run([]string{"policy", "check", file}, out, out); status != 1 {
		t.Errorf("status %d", status)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "\n"+file+": 5 more are not listed\n") || !strings.HasPrefix(string(text), file+":1:") {
		t.Errorf("%.80s … %s", text, text[max(0, len(text)-300):])
	}
}
