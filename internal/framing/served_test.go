package framing

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
)

// BenchmarkServed is a question over one connection with nothing behind it: what
// following adds to the least that net/http takes.
func BenchmarkServed(b *testing.B) {
	for name, over := range map[string]func(net.Listener) net.Listener{"bare": func(l net.Listener) net.Listener { return l }, "followed": Listen} {
		b.Run(name, func(b *testing.B) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			srv := &http.Server{ConnContext: Context, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })}
			go srv.Serve(over(ln))
			defer srv.Close()
			c, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			text, answers := question(), bufio.NewReader(c)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Write(text); err != nil {
					b.Fatal(err)
				}
				resp, err := http.ReadResponse(answers, nil)
				if err != nil || resp.StatusCode != 200 {
					b.Fatal(resp, err)
				}
			}
		})
	}
}
