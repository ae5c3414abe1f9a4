package framing

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
)

// told is what net/http makes of the requests of a connection: whether the last it
// accepts says its length in two ways, and where its header ends.
type told struct {
	twice bool
	ended bool // the connection ends with it
	after int  // bytes
}

// ask reads requests as http.Server does.
func ask(text []byte) (t told) {
	source := bytes.NewReader(text)
	br := bufio.NewReader(source)
	read := func() int { return len(text) - source.Len() - br.Buffered() }
	for last := ""; ; {
		if last == http.MethodPost {
			peek, _ := br.Peek(4)
			br.Discard(len(peek) - len(bytes.TrimLeft(peek, "\r\n")))
		}
		from := read()
		r, err := http.ReadRequest(br)
		if err != nil || r.ProtoMajor != 1 { // http.Server refuses other versions
			return t
		}
		last, t.after = r.Method, read()
		old := !r.ProtoAtLeast(1, 1)
		if len(r.TransferEncoding) > 0 || old {
			t.ended = true
			head := text[from:t.after]
			head = head[bytes.IndexByte(head, '\n')+1:]
			fields, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(head))).ReadMIMEHeader()
			if err != nil {
				panic(err) // it was read just now
			}
			_, coded := fields["Transfer-Encoding"]
			_, sized := fields["Content-Length"]
			t.twice = coded && (sized || old)
			return t
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return t
		}
	}
}

const (
	get     = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	sized   = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
	chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
	both    = "POST / HTTP/1.1\r\nContent-Length: 5\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
)

var streams = []string{
	"", "\n", "x", get, sized, chunked, both, get + both, sized + both, sized + get + chunked, sized + "\r\n" + both, sized + "\r\n\r\n" + both, chunked + both,
	strings.ReplaceAll(sized+both, "\r\n", "\n"),
	strings.ToLower(sized) + both,
	"POST / HTTP/1.1\r\nCONTENT-LENGTH:\t0005 \r\ncontent-length: 0005\r\n\r\nhello" + both,
	"POST / HTTP/1.1\r\nContent-Length:\r\n \t\r\n 5\r\n\r\nhello" + both,
	"POST / HTTP/1.1\r\nX: a\r\n Content-Length: 9\r\nContent-Length: 5\r\n\r\nhello" + both,
	"POST / HTTP/1.1\r\nTransfer-Encoding:\r\n\tchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nX-Content-Length: 5\r\nTransfer-Encodings: chunked\r\nC: 1\r\nContent: 2\r\nT: 3\r\n\r\n" + both,
	"POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
	"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n" + both,
	"POST / HTTP/1.1\r\nContent-Length: 9223372036854775807\r\n\r\n" + both,
	"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n",
	"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
	"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}" + both,
	"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n" + both,
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + both,
}

// FuzzFollower holds what is found to net/http's own parser: nothing it accepts is
// refused that says its length once, and nothing goes by that says it twice,
// however the bytes come.
func FuzzFollower(f *testing.F) {
	for _, s := range streams {
		for _, piece := range []uint8{1, 3, 255} {
			f.Add([]byte(s), piece)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, piece uint8) {
		want := ask(text)
		if !want.ended {
			return // net/http sees to what follows
		}
		// What stands behind the header must not count.
		for _, end := range []int{want.after, len(text)} {
			var got follower
			for rest := text[:end]; len(rest) > 0; {
				n := min(int(piece)+1, len(rest))
				got.follow(rest[:n])
				rest = rest[n:]
			}
			if got.at != atEnd || got.twice != want.twice {
				t.Errorf("%q in pieces of %d: %+v, net/http: %+v", text[:end], piece+1, got, want)
			}
		}
	})
}

// The streams say which is which by themselves, too.
func TestTwoLengths(t *testing.T) {
	for text, want := range map[string]bool{get: false, sized: false, chunked: false, both: true, sized + both: true, chunked + both: false} {
		var got follower
		got.follow([]byte(text))
		if got.twice != want || ask([]byte(text)).twice != want {
			t.Errorf("%q: %v", text, got.twice)
		}
	}
}

// question is a request as a backend asks, with its body.
func question() []byte {
	body := `{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"account","id":"42"}}`
	return []byte("POST /access/v1/evaluation HTTP/1.1\r\nHost: gate.example.com\r\nUser-Agent: crm/1.0\r\n" +
		"Authorization: Bearer " + strings.Repeat("x", 400) + "\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n" +
		"Content-Length: 105\r\n\r\n" + body)
}

func BenchmarkFollower(b *testing.B) {
	text := question()
	var f follower
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		f.follow(text)
	}
	if f.at != inRequestLine {
		b.Fatalf("%+v", f)
	}
}

func TestFollowingAllocatesNothing(t *testing.T) {
	text := question()
	var f follower
	if n := testing.AllocsPerRun(100, func() { f.follow(text) }); n != 0 || f.at != inRequestLine {
		t.Errorf("%v allocations, %+v", n, f)
	}
}
