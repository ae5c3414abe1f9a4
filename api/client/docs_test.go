package client_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// What docs/client.md shows is in the example, line by line.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/client.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../examples/crm/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var example strings.Builder
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		example.Write(source)
	}
	blocks := goBlock.FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 5 {
		t.Errorf("only %d excerpts", len(blocks))
	}
	for _, b := range blocks {
		if !strings.Contains(example.String(), b[1]) {
			t.Errorf("not in examples/crm:\n%s", b[1])
		}
	}
}
