package server

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"rolegate/internal/reqctx"
	"rolegate/internal/tracing"
	"rolegate/model"
)

// exchange is one request and its answer for as long as they last, in one
// allocation. As a context it is that of the request, and carries what the log
// wants to know.
//
// Its deadline costs nothing until somebody waits: the timer is made by the
// first call of Done, and most decisions never call it.
type exchange struct {
	reqctx.Context
	event
	answer  answered
	span    tracing.Span            // of a request that is traced
	trace   [1]string               // the trace id, as the value of a header
	timeout time.Duration           // 0: none
	started time.Time               // when the request came
	timer   atomic.Pointer[waiting] // once somebody waits
}

// event is what a request's log line says beyond the obvious; it is filled
// along the way by whoever knows.
type event struct {
	code    model.Code // of the failure; empty where there was none
	cause   error      // of a fault of ours
	routine bool       // a decision that went well, or hashes of the log: there are too many to tell of each
}

// waiting is the context of those who wait.
type waiting struct {
	context.Context
	cancel context.CancelFunc
}

type exchangeKey struct{}

// exchangeOf is the exchange ctx belongs to, or an empty one.
func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{Context: reqctx.Context{Context: ctx}}
}

// eventOf is the event of the request ctx belongs to.
func eventOf(ctx context.Context) *event { return &exchangeOf(ctx).event }

// limit gives the exchange a deadline. It is called before anybody waits.
func (x *exchange) limit(d time.Duration) { x.timeout = d }

// end releases those who still wait, and whoever comes later.
func (x *exchange) end() {
	if !x.timer.CompareAndSwap(nil, ended) {
		x.timer.Load().cancel()
	}
}

// ended is what those find who wait for an exchange that is over.
var ended = func() *waiting {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return &waiting{ctx, cancel}
}()

// wait makes the context of those who wait, once.
func (x *exchange) wait() *waiting {
	if w := x.timer.Load(); w != nil {
		return w
	}
	ctx, cancel := context.WithDeadline(&x.Context, x.started.Add(x.timeout))
	w := &waiting{ctx, cancel}
	if x.timer.CompareAndSwap(nil, w) {
		return w
	}
	cancel()
	return x.timer.Load()
}

// Deadline is as context.Context has it.
func (x *exchange) Deadline() (time.Time, bool) {
	at, ok := x.Context.Deadline()
	if x.timeout == 0 {
		return at, ok
	}
	if ours := x.started.Add(x.timeout); !ok || ours.Before(at) {
		return ours, true
	}
	return at, true
}

// Done is as context.Context has it.
func (x *exchange) Done() <-chan struct{} {
	if x.timeout == 0 {
		return x.Context.Done()
	}
	return x.wait().Done()
}

// Err is as context.Context has it.
func (x *exchange) Err() error {
	if x.timeout == 0 {
		return x.Context.Err()
	}
	return x.wait().Err()
}

// Value is as context.Context has it. Contexts made of this one find whom they
// have to listen to by asking here.
func (x *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return x
	}
	if w := x.timer.Load(); w != nil && w != ended {
		return w.Value(key)
	}
	return x.Context.Value(key)
}

// answered is the answer as it goes out; it remembers its status.
type answered struct {
	http.ResponseWriter
	status  int // 0 until it is written
	request *reqctx.Request
	receipt [2]string // as the values of headers
}

// The headers that say where in the log the request's entry is (Receipt). What is
// recorded behind its answer has none, and a change of Rolegate's own, which is
// committed with its entry, neither.
const (
	indexHeader    = "Audit-Index"     // of the entry, from 0
	leafHashHeader = "Audit-Leaf-Hash" // RFC 6962, in base64
)

// receive writes the receipt down, if there is one.
func (a *answered) receive() {
	if a.request == nil {
		return
	}
	at := a.request.Receipt()
	if at == nil {
		return
	}
	a.receipt = [2]string{strconv.FormatInt(at.Index, 10), base64.StdEncoding.EncodeToString(at.LeafHash)}
	h := a.Header()
	h[indexHeader], h[leafHashHeader] = a.receipt[0:1:1], a.receipt[1:2:2]
}

// Unwrap is for http.ResponseController.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader takes the first status, and what only informs beside it.
func (a *answered) WriteHeader(status int) {
	if a.status != 0 {
		return
	}
	if status >= http.StatusOK {
		a.status = status
		a.receive()
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write begins the answer where WriteHeader did not.
func (a *answered) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(p)
}
