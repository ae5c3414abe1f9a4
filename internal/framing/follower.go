package framing

import "bytes"

// follower follows the requests of one connection, in the pieces they come in. It
// keeps no bytes. What net/http refuses it may take for anything: there the
// connection ends.
type follower struct {
	at     place
	last   byte   // of the request line
	name   string // at inName: what the field's name may yet turn out to be
	seen   int    // at inName: how much of it was there
	sizing bool   // the last field is a Content-Length
	coded  bool   // there is a Transfer-Encoding
	sized  bool   // there is a Content-Length
	length int64  // what it says; of several, which net/http wants to be alike, the last
	twice  bool   // the last request said its length in two ways
}

// place is where in a request the next byte stands.
type place uint8

const (
	inRequestLine place = iota
	atLine              // of the header, its first byte
	inName
	inLength // the value of a Content-Length
	inLine   // what does not matter of a line
	inBody
	atEnd // the connection's last request has its header; what follows is net/http's
)

const (
	sizeField   = "content-length:"
	codingField = "transfer-encoding:"
)

// maxLength bounds what is counted, in bytes: no connection carries so many.
const maxLength = 1 << 59

// follow takes in the next bytes.
func (f *follower) follow(p []byte) {
	for len(p) > 0 {
		switch f.at {
		case inRequestLine:
			p = f.requestLine(p)
		case atLine:
			p = f.line(p)
		case inName:
			p = f.inName(p)
		case inLength:
			p = f.inLength(p)
		case inLine:
			p = f.rest(p)
		case inBody:
			n := min(f.length, int64(len(p)))
			if f.length, p = f.length-n, p[n:]; f.length == 0 {
				f.next()
			}
		case atEnd:
			return
		}
	}
}

// next begins another request.
func (f *follower) next() { *f = follower{} }

// requestLine keeps the line's last byte, which is the minor version's digit. Blank
// lines before it are what net/http lets pass behind a POST, and else refuses.
func (f *follower) requestLine(p []byte) []byte {
	text, rest, whole := bytes.Cut(p, newline)
	if text = bytes.TrimRight(text, "\r"); len(text) > 0 {
		f.last = text[len(text)-1]
	}
	if whole && f.last != 0 {
		f.at = atLine
	}
	return rest
}

var newline = []byte("\n")

// line looks at the first byte of a line: whether the header ends with it, the
// field before it goes on, or one of ours may begin.
func (f *follower) line(p []byte) []byte {
	switch lower(p[0]) {
	case '\n':
		f.headerEnds()
	case '\r': // of the blank line; a line that goes on behind it is refused
	case ' ', '\t':
		f.at = inLine
		if f.sizing {
			f.at = inLength
		}
	case 'c':
		f.at, f.name, f.seen = inName, sizeField, 1
	case 't':
		f.at, f.name, f.seen = inName, codingField, 1
	default:
		f.at, f.sizing = inLine, false
	}
	return p[1:]
}

// inName goes on as long as the name may be the one.
func (f *follower) inName(p []byte) []byte {
	for i, b := range p {
		if lower(b) != f.name[f.seen] {
			f.at, f.sizing = inLine, false
			return p[i:] // it may be the line's end
		}
		if f.seen++; f.seen == len(f.name) {
			f.value()
			return p[i+1:]
		}
	}
	return nil
}

// value is behind the colon of one of the two.
func (f *follower) value() {
	if f.sizing = f.name == sizeField; f.sizing {
		f.at, f.sized, f.length = inLength, true, 0
	} else {
		f.at, f.coded = inLine, true
	}
}

// inLength adds the digits up. net/http refuses a value that is more than digits
// with blanks around them.
func (f *follower) inLength(p []byte) []byte {
	for i, b := range p {
		switch {
		case b == '\n':
			f.at = atLine
			return p[i+1:]
		case b >= '0' && b <= '9':
			f.length = min(f.length*10+int64(b-'0'), maxLength)
		}
	}
	return nil
}

// rest leaves the line out.
func (f *follower) rest(p []byte) []byte {
	_, rest, whole := bytes.Cut(p, newline)
	if whole {
		f.at = atLine
	}
	return rest
}

// headerEnds knows how long the request is, unless it is the connection's last:
// package server ends the connection with one that has a Transfer-Encoding, and
// with one of HTTP/1.0, where a Transfer-Encoding is as bad as a second length.
func (f *follower) headerEnds() {
	old := f.last == '0'
	switch {
	case f.coded || old:
		f.at, f.twice = atEnd, f.coded && (f.sized || old)
	case f.length > 0:
		f.at = inBody
	default:
		f.next()
	}
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}
