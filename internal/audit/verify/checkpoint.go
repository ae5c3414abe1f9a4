package verify

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"rolegate/internal/audit/tree"
)

// checkpoint is a signed note over a tree (C2SP tlog-checkpoint).
type checkpoint struct {
	origin string
	size   int64
	root   []byte
	note   []byte // all of it
}

var errCheckpoint = errors.New("it is no C2SP checkpoint")

// parseCheckpoint reads a note's text; its signatures are Policy's. There are no
// extension lines in checkpoints of ours.
func parseCheckpoint(note []byte) (checkpoint, error) {
	text, _, found := bytes.Cut(note, []byte("\n\n"))
	lines := strings.SplitN(string(text), "\n", 4)
	if !found || len(lines) != 3 || lines[0] == "" {
		return checkpoint{}, errCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return checkpoint{}, errCheckpoint
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tree.HashSize {
		return checkpoint{}, errCheckpoint
	}
	return checkpoint{lines[0], size, root, note}, nil
}

// SizeOf is how many entries a checkpoint is of; its signatures are not looked at.
func SizeOf(note []byte) (int64, error) {
	c, err := parseCheckpoint(note)
	return c.size, err
}
