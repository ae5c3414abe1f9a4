package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

var (
	docLink    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	docHeading = regexp.MustCompile(`^#{1,6} +(.*)$`)
)

// Links from one page to another lead to a file that is there, and to a heading of it.
func TestLinksOfPages(t *testing.T) {
	root := filepath.Join("..", "..")
	pages := map[string][]string{} // the lines outside of examples, by path
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		fenced := false
		for line := range strings.Lines(string(text)) {
			line = strings.TrimRight(line, "\r\n")
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				fenced = !fenced
			} else if !fenced {
				pages[path] = append(pages[path], line)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for path, lines := range pages {
		for _, line := range lines {
			for _, m := range docLink.FindAllStringSubmatch(line, -1) {
				file, anchor, _ := strings.Cut(m[1], "#")
				if strings.Contains(file, ":") {
					continue // of the web
				}
				links++
				to := path
				if file != "" {
					to = filepath.Join(filepath.Dir(path), filepath.FromSlash(file))
				}
				if _, err := os.Stat(to); err != nil {
					t.Errorf("%s: there is no %s", path, m[1])
				} else if anchor != "" && filepath.Ext(to) == ".md" && !anchors(pages[to])[anchor] {
					t.Errorf("%s: there is no heading for %s", path, m[1])
				}
			}
		}
	}
	if links < 100 {
		t.Errorf("only %d links were found", links)
	}
}

// anchors are those of headings, as GitHub spells them.
func anchors(lines []string) map[string]bool {
	found := map[string]bool{}
	for _, line := range lines {
		m := docHeading.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		text := docLink.ReplaceAllString(m[1], "]")
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, text)
		name := anchor
		for n := 1; found[name]; n++ {
			name = anchor + "-" + strconv.Itoa(n)
		}
		found[name] = true
	}
	return found
}
