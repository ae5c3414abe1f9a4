package server

import (
	"net/http"
	"sync"

	"rolegate/model"
)

// body is the body of a decision request, in a buffer that other requests use
// after free.
type body struct{ bytes []byte }

var bodies = sync.Pool{New: func() any { return new(body) }}

// readDecisionBody reads the JSON body of one of AuthZEN's routes, where a wrong
// Content-Type is 400. Free it when nothing looks at its bytes any more.
func (s *Server) readDecisionBody(r *http.Request) (*body, error) {
	b := bodies.Get().(*body)
	var err error
	if b.bytes, err = readJSON(b.bytes[:0], r, model.CodeInvalidRequest, s.decisionBody()); err != nil {
		b.free()
		return nil, err
	}
	return b, nil
}

// text is the body as a string of its own, which outlives it.
func (b *body) text() string { return string(b.bytes) }

func (b *body) free() {
	if cap(b.bytes) <= maxKept {
		bodies.Put(b)
	}
}

// typeJSON is shared by all answers: a header's values are replaced, never altered.
var typeJSON = one("application/json")
