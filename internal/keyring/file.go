package keyring

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"rolegate/model"
)

// A key file is one line: this prefix and the key in standard base64.
const filePrefix = "rolegate-kek-v1:"

// maxFile is far more than a key file has; what is longer is not read.
const maxFile = 1 << 10

// ReadFile reads a key file. A file that is not there is model.CodeKeyMissing;
// one that others may read, or that does not hold exactly one sound key, is
// model.CodeSettingInvalid. The messages name the file and say what to do.
func ReadFile(path string) (*KEK, error) {
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
	kek, err := parseFile(string(text))
	if err != nil {
		return nil, badFile(path, err.Error(), "Restore the key file of this store from its backup.")
	}
	return kek, nil
}

// parseFile reads the one spelling formatFile writes, with or without the line
// break at its end. Its errors complete "The key file F …" and quote nothing.
func parseFile(text string) (*KEK, error) {
	line := strings.TrimSuffix(text, "\n")
	if line == "" {
		return nil, errors.New("is empty")
	}
	encoded, found := strings.CutPrefix(line, filePrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil || formatFile(key) != line+"\n" {
		return nil, fmt.Errorf("is not one line of %q and a key in base64", filePrefix)
	}
	if len(key) != keySize {
		return nil, fmt.Errorf("holds a key of %d bytes, not %d", len(key), keySize)
	}
	kek, err := New(key)
	if err != nil {
		return nil, errors.New("holds a key that is not random")
	}
	return kek, nil
}

func formatFile(key []byte) string {
	return filePrefix + base64.StdEncoding.EncodeToString(key) + "\n"
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
	if err := writeKey(f, key); err != nil {
		// Half a key would stop the next start; this file is ours to remove.
		return nil, unwritable(path, errors.Join(err, os.Remove(path)))
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, unwritable(path, errors.Join(err, os.Remove(path)))
	}
	return kek, nil
}

func writeKey(f *os.File, key []byte) error {
	_, err := f.WriteString(formatFile(key))
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

func badFile(path, what, remedy string) error {
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
