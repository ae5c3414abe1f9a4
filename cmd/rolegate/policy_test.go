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

// The cases of docs/policy.md are cases, and pass where that page says.
func TestCasesOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(page), "```yaml\n# cases.yaml\n")
	text, _, closed := strings.Cut(text, "```")
	if !found || !closed {
		t.Fatal("docs/policy.md has no cases")
	}
	dir := t.TempDir()
	cases, rows := filepath.Join(dir, "cases.yaml"), filepath.Join(dir, "new.csv")
	for file, text := range map[string]string{cases: text, rows: "p, role:sales-rep, contact, update, own, , allow\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if status := run([]string{"policy", "test", rows, "--cases", cases}, out, out); status != 0 {
		text, _ := os.ReadFile(out.Name())
		t.Errorf("status %d: %s", status, text)
	}
}
