package keyring

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"rolegate/model"
)

func write(t *testing.T, content string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "master.key")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	return path
}

// sample is a fixed key that looks random.
func sample(n byte) []byte {
	sum := sha256.Sum256([]byte{n})
	return sum[:]
}

// isError asserts a code, and a message that names the file.
func isError(t *testing.T, name, path string, kek *KEK, err error, want model.Code) {
	t.Helper()
	var e *model.Error
	if kek != nil || !errors.As(err, &e) || e.Code != want {
		t.Errorf("%s: %v, %v; want %s", name, kek, err, want)
		return
	}
	if !strings.Contains(e.Message, path) || !strings.HasSuffix(e.Message, ".") {
		t.Errorf("%s: the message %q does not name the file, or is no sentence", name, e.Message)
	}
}

func TestCreateAndReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	made, err := CreateFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the file has the mode %v (%v), want 0600", info.Mode(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !regexp.MustCompile(`^rolegate-kek-v1:[A-Za-z0-9+/]{43}=\n$`).Match(text) {
		t.Errorf("the file reads %q (%v)", text, err)
	}
	read, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !read.Matches(made.Check()) {
		t.Error("the key read is not the key made")
	}
	again, err := CreateFile(path)
	isError(t, "a second file", path, again, err, model.CodeConflict)
	if after, _ := os.ReadFile(path); !bytes.Equal(after, text) {
		t.Error("the second CreateFile changed the file")
	}
	other, err := CreateFile(path + "2")
	if err != nil || other.Matches(made.Check()) {
		t.Errorf("two files hold one key (%v)", err)
	}
}

func TestCreateFileOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	var wg sync.WaitGroup
	var mu sync.Mutex
	var made []*KEK
	for range 20 {
		wg.Go(func() {
			k, err := CreateFile(path)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made = append(made, k)
			} else if model.CodeOf(err) != model.CodeConflict {
				t.Errorf("CreateFile: %v, want %s", err, model.CodeConflict)
			}
		})
	}
	wg.Wait()
	if len(made) != 1 {
		t.Fatalf("%d of 20 made the file, want 1", len(made))
	}
	if read, err := ReadFile(path); err != nil || !read.Matches(made[0].Check()) {
		t.Errorf("the file does not hold the winner's key (%v)", err)
	}
}

func TestCreateFileWhereItCannot(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{
		"no directory":   filepath.Join(dir, "missing", "master.key"),
		"below a file":   filepath.Join(write(t, "x", 0o600), "master.key"),
		"under no name":  "",
		"name with NULs": filepath.Join(dir, "a\x00b"),
	} {
		kek, err := CreateFile(path)
		isError(t, name, path, kek, err, model.CodeSettingInvalid)
	}
	link := filepath.Join(dir, "link") // O_EXCL does not follow it to another place
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), link); err != nil {
		t.Fatal(err)
	}
	kek, err := CreateFile(link)
	isError(t, "a dangling link", link, kek, err, model.CodeConflict)
}

func TestReadFileModes(t *testing.T) {
	content := formatFile(sample(0))
	for mode := fs.FileMode(0); mode <= 0o777; mode++ {
		if mode&0o400 == 0 { // those are refused by the system, unless it is root who reads
			continue
		}
		path := write(t, content, mode)
		kek, err := ReadFile(path)
		if mode&0o077 == 0 {
			if err != nil {
				t.Errorf("mode %04o: %v", mode, err)
			}
			continue
		}
		isError(t, mode.String(), path, kek, err, model.CodeSettingInvalid)
		if err != nil && !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %04o: %v does not say what to do", mode, err)
		}
	}
}

func TestReadFileContents(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	good := strings.TrimSuffix(formatFile(sample(0)), "\n")
	for name, content := range map[string]string{"with a line break": good + "\n", "without": good} {
		if kek, err := ReadFile(write(t, content, 0o600)); err != nil || !kek.Matches(mustNew(t, sample(0)).Check()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	odd := append(bytes.Repeat([]byte{0xfb}, 31), 0xff) // has + and / in base64
	for name, content := range map[string]string{
		"empty":             "",
		"a line break":      "\n",
		"prefix only":       "rolegate-kek-v1:",
		"no prefix":         b64(sample(0)),
		"another version":   strings.Replace(good, "v1", "v2", 1),
		"prefix twice":      filePrefix + good,
		"capitals":          strings.Replace(good, "rolegate", "Rolegate", 1),
		"short key":         filePrefix + b64(sample(0)[:16]),
		"31 bytes":          filePrefix + b64(sample(0)[:31]),
		"33 bytes":          filePrefix + b64(append(sample(0), 1)),
		"zeros":             filePrefix + b64(make([]byte, 32)),
		"one letter":        filePrefix + b64(bytes.Repeat([]byte("x"), 32)),
		"hex":               filePrefix + strings.Repeat("0f", 32),
		"raw key":           filePrefix + string(sample(0)),
		"no padding":        strings.TrimSuffix(good, "="),
		"URL alphabet":      filePrefix + base64.URLEncoding.EncodeToString(odd),
		"stray bits":        strings.Replace(good, "oB0=", "oB1=", 1),
		"inner line break":  good[:30] + "\n" + good[30:],
		"two line breaks":   good + "\n\n",
		"CRLF":              good + "\r\n",
		"final space":       good + " ",
		"leading space":     " " + good,
		"leading BOM":       "\ufeff" + good,
		"two lines":         good + "\n" + good + "\n",
		"a comment":         "# key\n" + good,
		"a PEM block":       "-----BEGIN KEY-----\n",
		"key twice":         good + "\n" + good,
		"nine keys":         strings.TrimSuffix(formatFile(sample(1), sample(2), sample(3), sample(4), sample(5), sample(6), sample(7), sample(8), sample(9)), "\n"),
		"numbers in a row":  filePrefix + b64(counting(7)),
		"words":             filePrefix + b64([]byte("Tr0ub4dor&3 is my secret K3Y, ok")),
		"hex digits":        filePrefix + b64([]byte("9f86d081884c7d659a2feaa0c55ad015")),
		"half, twice":       filePrefix + b64(append(sample(0)[:16], sample(0)[:16]...)),
		"few bytes":         filePrefix + b64(append(bytes.Repeat([]byte{7, 9, 200}, 10), 1, 99)),
		"very long":         good + strings.Repeat("A", 1<<20),
		"long, of newlines": good + strings.Repeat("\n", 1<<20),
		"NULs":              strings.Repeat("\x00", 60),
	} {
		path := write(t, content, 0o600)
		kek, err := ReadFile(path)
		isError(t, name, path, kek, err, model.CodeSettingInvalid)
		if key := strings.TrimPrefix(good, filePrefix); err != nil && strings.Contains(err.Error(), key[:20]) {
			t.Errorf("%s: %v quotes the key", name, err)
		}
	}
}

func TestReadFileThatIsNone(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "master.key")
	kek, err := ReadFile(missing)
	isError(t, "missing", missing, kek, err, model.CodeKeyMissing)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v has lost its cause", err)
	}
	kek, err = ReadFile(dir)
	isError(t, "a directory", dir, kek, err, model.CodeSettingInvalid)
	below := filepath.Join(write(t, "x", 0o600), "master.key")
	kek, err = ReadFile(below)
	isError(t, "below a file", below, kek, err, model.CodeSettingInvalid)
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	kek, err = ReadFile(pipe) // and does not wait for somebody to write
	isError(t, "a pipe", pipe, kek, err, model.CodeSettingInvalid)
	// Secrets are often mounted as links: what counts is the file behind it.
	link := filepath.Join(dir, "link")
	if err := os.Symlink(write(t, formatFile(sample(0)), 0o400), link); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(link); err != nil {
		t.Errorf("a link: %v", err)
	}
}

// Whatever parseFile accepts is what formatFile writes.
func FuzzParseFile(f *testing.F) {
	f.Add(formatFile(sample(0)))
	f.Add(filePrefix + "AAAA\n")
	f.Add(filePrefix + strings.Repeat("A", 43) + "=\n")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := parseFile(text)
		if err != nil {
			return
		}
		if strings.TrimSuffix(formatFile(keys...), "\n") != strings.TrimSuffix(text, "\n") {
			t.Errorf("parseFile(%q) is accepted", text)
		}
		if _, err := kekOf(keys); err != nil {
			t.Errorf("parseFile(%q) is accepted, and is no key: %v", text, err)
		}
	})
}

// Random keys are never taken for made-up ones.
func TestRandomKeysAreTaken(t *testing.T) {
	key := make([]byte, keySize)
	for range 20_000 {
		rand.Read(key)
		if guessable(key) {
			t.Fatalf("%x is refused", key)
		}
	}
}

func TestAddAndRemoveKey(t *testing.T) {
	path := write(t, formatFile(sample(0)), 0o600)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	before, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	added, err := AddKey(link, noted)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is a link no more: %v, %v", info, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file has the mode %v (%v)", info.Mode(), err)
	}
	after, err := ReadFile(path)
	if err != nil || len(after.Checks()) != 2 || !after.Matches(before.Check()) || !after.Knows(added) {
		t.Fatalf("after AddKey the file holds %d keys (%v)", len(after.Checks()), err)
	}
	if removed, err := RemoveKey(path, make([]byte, checkSize)); removed || err != nil {
		t.Errorf("RemoveKey of another: %v, %v", removed, err)
	}
	if removed, err := RemoveKey(path, before.Check()); !removed || err != nil {
		t.Fatalf("RemoveKey: %v, %v", removed, err)
	}
	if removed, err := RemoveKey(path, added); removed || model.CodeOf(err) != model.CodeSettingInvalid {
		t.Errorf("RemoveKey of the last: %v, %v", removed, err)
	}
	last, err := ReadFile(path)
	if err != nil || len(last.Checks()) != 1 || !last.Matches(added) {
		t.Errorf("the key that was added is not the one left: %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the key file lie %v (%v)", left, err)
	}
	for range maxKeys - 1 {
		if _, err := AddKey(path, noted); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := AddKey(path, noted); model.CodeOf(err) != model.CodeSettingInvalid {
		t.Errorf("a ninth key: %v", err)
	}
}

func noted([]byte) error { return nil }

// A key that is not written down is not made.
func TestAddKeyIsRecordedFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := CreateFile(path); err != nil {
		t.Fatal(err)
	}
	full := errors.New("nothing can be written down")
	if _, err := AddKey(path, func([]byte) error { return full }); !errors.Is(err, full) {
		t.Errorf("AddKey: %v", err)
	}
	if file, err := ReadFile(path); err != nil || len(file.Checks()) != 1 {
		t.Errorf("the file holds %d keys, %v", len(file.Checks()), err)
	}
}

// The file is never half written: where it cannot be replaced it stays.
func TestAddKeyWhereItCannot(t *testing.T) {
	const helper = "KEYRING_TEST_UNWRITABLE"
	if path := os.Getenv(helper); path != "" { // in the process of somebody with no rights
		if _, err := ReadFile(path); err != nil {
			t.Fatal(err)
		}
		if _, err := AddKey(path, noted); model.CodeOf(err) != model.CodeSettingInvalid {
			t.Errorf("AddKey: %v", err)
		}
		return
	}
	dir, err := os.MkdirTemp("", "unwritable")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	defer os.Chmod(dir, 0o700)
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	path, before := filepath.Join(dir, "master.key"), formatFile(sample(0))
	for _, err := range []error{
		os.WriteFile(path, []byte(before), 0o600),
		os.WriteFile(filepath.Join(dir, "program"), program, 0o700),
		os.Chmod(filepath.Join(dir, "program"), 0o755),
		os.Chmod(dir, 0o555),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(filepath.Join(dir, "program"), "-test.run=^TestAddKeyWhereItCannot$")
	c.Dir = dir
	c.Env = append(os.Environ(), helper+"="+path)
	if os.Geteuid() == 0 { // modes mean nothing to root
		const nobody = 65534
		if err := os.Chown(path, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != before {
		t.Errorf("the file has changed (%v)", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("beside the key file lie %v (%v)", left, err)
	}
}
