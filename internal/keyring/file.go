package keyring

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"rolegate/model"
)

// A key file has a line a key: this prefix and the key in standard base64. Mostly
// there is one; while keys are changed, the new one stands below the old.
const filePrefix = "rolegate-kek-v1:"

// maxFile is far more than a key file has; what is longer is not read.
const maxFile = 1 << 10

// maxKeys is how many keys a file may hold; a rotation needs two.
const maxKeys = 8

// ReadFile reads a key file. A file that is not there is model.CodeKeyMissing;
// one that others may read, or that holds anything but sound keys, is
// model.CodeSettingInvalid. The messages name the file and say what to do. The
// first key seals, until Use says otherwise.
func ReadFile(path string) (*KEK, error) {
	keys, err := readKeys(path)
	if err != nil {
		return nil, err
	}
	return kekOf(keys)
}

func kekOf(keys [][]byte) (*KEK, error) {
	var all []*generation
	for _, key := range keys {
		g, err := newGeneration(key)
		if err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return newKEK(all...), nil
}

func readKeys(path string) ([][]byte, error) {
	// Asked before opening, as opening a pipe would wait for its writer.
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, model.Errorf(model.CodeKeyMissing,
			"The key file %s does not exist. Put the store's own key file there; without it nothing sealed can be read. "+
				"Only for a new, empty store, make one with \"rolegate keys init\".", path).Because(err)
	case err != nil:
		return nil, unreadable(path, err)
	case !info.Mode().IsRegular():
		return nil, badFile(path, "is not a regular file", "Give the path of a key file.")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer f.Close()
	info, err := f.Stat() // of the file that is open, whatever the path says by now
	if err != nil {
		return nil, unreadable(path, err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, badFile(path, fmt.Sprintf("is open to other users (mode %04o)", mode), fmt.Sprintf("Run \"chmod 600 %s\".", path))
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	keys, err := parseFile(string(text))
	if err != nil {
		return nil, badFile(path, err.Error(), "Restore the key file of this store from its backup.")
	}
	return keys, nil
}

// parseFile reads the one spelling formatFile writes, with or without the line
// break at its end. Its errors complete "The key file F …" and quote nothing.
func parseFile(text string) ([][]byte, error) {
	text = strings.TrimSuffix(text, "\n")
	if text == "" {
		return nil, errors.New("is empty")
	}
	var keys [][]byte
	ids := map[string]bool{}
	for line := range strings.SplitSeq(text, "\n") {
		encoded, found := strings.CutPrefix(line, filePrefix)
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !found || err != nil || formatFile(key) != line+"\n" {
			return nil, fmt.Errorf("is not lines of %q and a key in base64", filePrefix)
		}
		if len(key) != keySize {
			return nil, fmt.Errorf("holds a key of %d bytes, not %d", len(key), keySize)
		}
		if guessable(key) {
			return nil, errors.New("holds a key that is not random")
		}
		g, err := newGeneration(key)
		if err != nil {
			return nil, errors.New("holds a key that is not random")
		}
		if id := string(g.check[:idSize]); ids[id] || len(keys) == maxKeys {
			return nil, fmt.Errorf("holds a key twice, or more than %d", maxKeys)
		} else {
			ids[id] = true
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// guessable tells whether somebody made the key up: text, as a pass phrase or
// digits in hexadecimal, a pattern that repeats, numbers in a row, or few
// different bytes. A random key is none of these, but once in 10^13.
func guessable(key []byte) bool {
	text, seen := true, map[byte]bool{}
	for _, b := range key {
		text = text && (b >= ' ' && b <= '~' || b == '\n' || b == '\t' || b == '\r')
		seen[b] = true
	}
	steps, repeats := true, false
	for i := 2; i < len(key); i++ {
		steps = steps && key[i]-key[i-1] == key[1]-key[0]
	}
	for period := 1; period <= len(key)/2; period++ {
		repeats = repeats || subtle.ConstantTimeCompare(key[period:], key[:len(key)-period]) == 1
	}
	return text || steps || repeats || len(seen) < len(key)/2
}

func formatFile(keys ...[]byte) string {
	var b strings.Builder
	for _, key := range keys {
		b.WriteString(filePrefix + base64.StdEncoding.EncodeToString(key) + "\n")
	}
	return b.String()
}

// CreateFile makes a new random key and writes its file, which must not exist
// yet (else model.CodeConflict) and which only its owner may read. When it
// returns, the file is on the disk: a key lost in a crash would take all that
// was sealed with it along.
func CreateFile(path string) (*KEK, error) {
	key := make([]byte, keySize)
	rand.Read(key) // never fails: crypto/rand ends the process instead
	kek, err := New(key)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, model.Errorf(model.CodeConflict,
			"The key file %s exists already and is never overwritten. Use it, or give another path.", path).Because(err)
	}
	if err != nil {
		return nil, unwritable(path, err)
	}
	if err := writeKeys(f, formatFile(key)); err != nil {
		// Half a key would stop the next start; this file is ours to remove.
		return nil, unwritable(path, errors.Join(err, os.Remove(path)))
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, unwritable(path, errors.Join(err, os.Remove(path)))
	}
	return kek, nil
}

// AddKey makes a new random key and adds it to a key file, below those that are
// there, once record has written its check value down: a key that was written down and
// not made is nobody's. Whatever happens meanwhile, the file is the old one or the
// new one.
func AddKey(path string, record func(check []byte) error) (check []byte, err error) {
	keys, err := readKeys(path)
	if err != nil {
		return nil, err
	}
	if len(keys) == maxKeys {
		return nil, badFile(path, fmt.Sprintf("holds %d keys already", maxKeys), "Drop those that are not used any more with \"rolegate keys kek drop\".")
	}
	key := make([]byte, keySize)
	rand.Read(key)
	g, err := newGeneration(key)
	if err != nil {
		return nil, err
	}
	text := formatFile(append(keys, key)...)
	if _, err := parseFile(text); err != nil { // two ids are the same once in 10^9
		return nil, badFile(path, "cannot take the new key", "Try again.").Because(err)
	}
	if err := record(g.check); err != nil {
		return nil, err
	}
	return g.check, replaceFile(path, text)
}

// RemoveKey takes the key with a check value out of a key file, but never the last
// one, and tells whether it was there.
func RemoveKey(path string, check []byte) (bool, error) {
	keys, err := readKeys(path)
	if err != nil {
		return false, err
	}
	left := slices.DeleteFunc(slices.Clone(keys), func(key []byte) bool {
		g, err := newGeneration(key)
		return err == nil && subtle.ConstantTimeCompare(g.check, check) == 1
	})
	switch {
	case len(left) == len(keys):
		return false, nil
	case len(left) == 0:
		return false, badFile(path, "holds this key alone", "Add another one first.")
	}
	return true, replaceFile(path, formatFile(left...))
}

// replaceFile puts a new file in the place of the one at path, of the same owner,
// in one step, and on the disk when it returns.
func replaceFile(path, text string) error {
	path, err := filepath.EvalSymlinks(path) // the link stays, what is behind it changes
	if err != nil {
		return unwritable(path, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return unwritable(path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // 0600
	if err != nil {
		return unwritable(path, err)
	}
	defer os.Remove(f.Name()) // not there any more, if all went well
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		err = f.Chown(int(owner.Uid), int(owner.Gid))
	}
	if err := errors.Join(err, writeKeys(f, text)); err != nil {
		return unwritable(path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return unwritable(path, err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return unwritable(path, err)
	}
	return nil
}

func writeKeys(f *os.File, text string) error {
	_, err := f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir makes a new name in the directory durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func badFile(path, what, remedy string) *model.Error {
	return model.Errorf(model.CodeSettingInvalid, "The key file %s %s. %s", path, what, remedy)
}

func unreadable(path string, cause error) error {
	return model.Errorf(model.CodeSettingInvalid,
		"The key file %s cannot be read. Check that it belongs to the user the service runs as.", path).Because(cause)
}

func unwritable(path string, cause error) error {
	return model.Errorf(model.CodeSettingInvalid,
		"The key file %s cannot be written. Check that its directory exists, has room and belongs to the user the service runs as.", path).Because(cause)
}
