package password

import (
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// breachedWords are in every file the tests write, among hashes of all beginnings.
var breachedWords = []string{"tr0ub4dor&3", "vexplumqtrabond", "密码密码密码密码", ""}

func breachLines(end string) []string {
	var lines []string
	add := func(s string) {
		lines = append(lines, fmt.Sprintf("%X:%d%s", sha1.Sum([]byte(s)), len(lines)*7919%100000+1, end))
	}
	for _, w := range breachedWords {
		add(w)
	}
	for i := range 3000 {
		add(fmt.Sprint("filler ", i))
	}
	slices.Sort(lines)
	return lines
}

func writeSorted(t *testing.T, end string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pwnedpasswords.txt")
	text := strings.TrimSuffix(strings.Join(breachLines(end), ""), end)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func writeRanges(t *testing.T, end string) string {
	t.Helper()
	dir := t.TempDir()
	ranges := map[string]string{}
	for _, digit := range "0123456789ABCDEF" {
		ranges[strings.Repeat(string(digit), 5)] = strings.Repeat("0", 35) + ":1" + end
	}
	for _, l := range breachLines(end) {
		ranges[l[:5]] += l[5:]
	}
	for prefix, text := range ranges {
		if err := os.WriteFile(filepath.Join(dir, prefix+".txt"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestBreachFiles(t *testing.T) {
	for name, path := range map[string]string{
		"sorted, LF": writeSorted(t, "\n"), "sorted, CRLF": writeSorted(t, "\r\n"),
		"ranges, LF": writeRanges(t, "\n"), "ranges, CRLF": writeRanges(t, "\r\n"),
	} {
		b, err := OpenBreachFiles(path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		in := append([]string{}, breachedWords...)
		for i := range 3000 {
			in = append(in, fmt.Sprint("filler ", i))
		}
		for _, w := range in {
			if has, err := b.Has(w); err != nil || !has {
				t.Errorf("%s: Has(%q) = %v, %v; want true", name, w, has, err)
			}
		}
		if b.file != nil { // the ranges of others are not there
			for i := range 3000 {
				if has, err := b.Has(fmt.Sprint("stranger ", i)); err != nil || has {
					t.Errorf("%s: Has of a stranger = %v, %v; want false", name, has, err)
				}
			}
		}
		if got, _ := (Rules{MinLength: 8, Breaches: b}).Reasons("vexplumqtrabond"); !slices.Equal(got, []Reason{Breached}) {
			t.Errorf("%s: Reasons = %v, want %s", name, got, Breached)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	var none *BreachFiles
	if has, err := none.Has("password"); has || err != nil || none.Close() != nil {
		t.Errorf("no files: Has = %v, %v", has, err)
	}
}

// A range that is missing is a fault, never "not breached".
func TestAMissingRangeIsAFault(t *testing.T) {
	b, err := OpenBreachFiles(writeRanges(t, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if has, err := b.Has("a password whose range nobody wrote"); has || err == nil {
		t.Errorf("Has = %v, %v; want an error", has, err)
	}
	if err := (Rules{MinLength: 8, Breaches: b}).Check("a password whose range nobody wrote"); err == nil {
		t.Error("Check takes it for good")
	}
}

func TestBreachFilesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	lines := breachLines("\n")
	reversed := slices.Clone(lines)
	slices.Reverse(reversed)
	ntlm := "0" + strings.Repeat("A", 31) + ":3\n"
	for name, path := range map[string]string{
		"missing": filepath.Join(dir, "missing"), "empty": write("empty", ""), "text": write("text", "hunter2\npassword\n"),
		"NTLM": write("ntlm", strings.Repeat(ntlm, 9)), "not sorted": write("reversed", strings.Join(reversed, "")),
		"no counts": write("bare", strings.Repeat("A", 40)+"\n"), "binary": write("binary", strings.Repeat("\x00", 4096)),
		"an empty directory": t.TempDir(),
	} {
		if b, err := OpenBreachFiles(path); err == nil {
			b.Close()
			t.Errorf("%s: is opened", name)
		}
	}
}
