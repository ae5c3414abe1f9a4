package password

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// BreachFiles are the Pwned Passwords of haveibeenpwned.com as its downloader
// leaves them (github.com/HaveIBeenPwned/PwnedPasswordsDownloader), in one of two
// forms:
//
//   - one file, sorted by hash: a line is the SHA-1 in upper-case hexadecimal, a
//     colon and a count;
//   - a directory of ranges 00000.txt to FFFFF.txt: the name is the hash's first
//     five digits, and a line has the other 35.
//
// Lines may end in CRLF. A look-up reads one range, or some thirty places of the
// file; nothing is kept in memory and nothing goes over the network. The zero
// pointer holds no password. It is safe for concurrent use.
type BreachFiles struct {
	dir  string   // of ranges, or
	file *os.File // of everything
	size int64
}

// Forms of what is read.
const (
	sha1Digits   = 2 * sha1.Size
	rangeDigits  = 5
	maxRangeFile = 8 << 20 // a range has some 80 KB
	maxLine      = 64      // 40 digits, a colon, a count, CRLF
)

// OpenBreachFiles opens a directory of ranges or the one file, and looks at parts
// of it: at sixteen ranges, or at the file's ends. The error says what is wrong.
func OpenBreachFiles(path string) (*BreachFiles, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if info.IsDir() {
		b := &BreachFiles{dir: path}
		for _, digit := range "0123456789ABCDEF" { // 00000, 11111, … FFFFF
			prefix := strings.Repeat(string(digit), rangeDigits)
			text, err := b.rangeOf(prefix)
			if err != nil {
				return nil, err
			}
			first, _, _ := bytes.Cut(text, []byte("\n"))
			if _, ok := breachLine(first, sha1Digits-rangeDigits); !ok {
				return nil, fmt.Errorf("%s.txt is not a range of SHA-1 hashes: lines of 35 hexadecimal digits, a colon and a count", prefix)
			}
		}
		return b, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	b := &BreachFiles{file: f, size: info.Size()}
	if err := b.checkFile(); err != nil {
		f.Close()
		return nil, err
	}
	return b, nil
}

// Close gives the file back.
func (b *BreachFiles) Close() error {
	if b == nil || b.file == nil {
		return nil
	}
	return b.file.Close()
}

// Has tells whether the password is in the files, exactly as it is.
func (b *BreachFiles) Has(password string) (bool, error) {
	if b == nil {
		return false, nil
	}
	sum := sha1.Sum([]byte(password))
	digits := strings.ToUpper(hex.EncodeToString(sum[:]))
	if b.file != nil {
		return b.inFile(digits)
	}
	text, err := b.rangeOf(digits[:rangeDigits])
	if err != nil {
		return false, err
	}
	for line := range bytes.Lines(text) {
		if suffix, ok := breachLine(line, sha1Digits-rangeDigits); ok && suffix == digits[rangeDigits:] {
			return true, nil
		}
	}
	return false, nil
}

func (b *BreachFiles) rangeOf(prefix string) ([]byte, error) {
	f, err := os.Open(filepath.Join(b.dir, prefix+".txt"))
	if err != nil {
		return nil, fmt.Errorf("cannot read a range of breached passwords: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRangeFile+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read a range of breached passwords: %w", err)
	}
	if len(text) > maxRangeFile {
		return nil, fmt.Errorf("%s.txt has more than %d bytes, so it is no range", prefix, maxRangeFile)
	}
	return text, nil
}

// checkFile looks at both ends: hashes of all beginnings are in so large a set.
func (b *BreachFiles) checkFile() error {
	first, err := b.lineFrom(0)
	if err != nil {
		return err
	}
	last, err := b.lineFrom(max(0, b.size-maxLine))
	if err != nil {
		return err
	}
	if first > last {
		return fmt.Errorf("is not sorted by hash; the file \"ordered by hash\" is wanted")
	}
	return nil
}

// inFile searches the sorted file. Invariant: the line sought, if it is there,
// begins in [low, high).
func (b *BreachFiles) inFile(digits string) (bool, error) {
	low, high := int64(0), b.size
	for low < high {
		middle := low + (high-low)/2
		at, found, next, err := b.lineAfter(middle)
		if err != nil {
			return false, err
		}
		switch {
		case at >= high || found > digits:
			high = middle
		case found == digits:
			return true, nil
		default:
			low = next
		}
	}
	return false, nil
}

// lineAfter reads the first line that begins at or after an offset: where it
// begins, its hash, and where the next begins. Past the last it is at the end.
func (b *BreachFiles) lineAfter(offset int64) (at int64, digits string, next int64, err error) {
	from := max(0, offset-1) // a line that begins at offset has its predecessor's end before it
	buf := make([]byte, 2*maxLine)
	n, err := b.file.ReadAt(buf, from)
	if err != nil && err != io.EOF {
		return 0, "", 0, fmt.Errorf("cannot read the file of breached passwords: %w", err)
	}
	buf = buf[:n]
	skipped := 0
	if offset > 0 {
		end := bytes.IndexByte(buf, '\n')
		if end < 0 || from+int64(end)+1 >= b.size {
			return b.size, "", b.size, nil
		}
		skipped = end + 1
	}
	line := buf[skipped:]
	length := bytes.IndexByte(line, '\n') + 1
	if length == 0 {
		length = len(line)
	}
	digits, ok := breachLine(line[:length], sha1Digits)
	if !ok {
		return 0, "", 0, fmt.Errorf("is not a file of SHA-1 hashes: lines of 40 hexadecimal digits, a colon and a count")
	}
	at = from + int64(skipped)
	return at, digits, at + int64(length), nil
}

func (b *BreachFiles) lineFrom(offset int64) (string, error) {
	at, digits, _, err := b.lineAfter(offset)
	if err == nil && at >= b.size {
		err = fmt.Errorf("has no line of a hash at its end")
	}
	return digits, err
}

// breachLine takes "HEX:COUNT" apart; digits is how many hexadecimal ones it has.
func breachLine(line []byte, digits int) (string, bool) {
	hash, count, ok := strings.Cut(strings.TrimRight(string(line), "\r\n"), ":")
	if !ok || len(hash) != digits || count == "" {
		return "", false
	}
	hash = strings.ToUpper(hash)
	return hash, strings.Trim(hash, "0123456789ABCDEF") == "" && strings.Trim(count, "0123456789") == ""
}
