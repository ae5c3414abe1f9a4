package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"rolegate/internal/reqctx"
	"rolegate/model"
)

// Stream is an Operation that gives bytes of any number, for as long as it takes,
// and a result behind them.
type Stream[Req, Res any] struct {
	Name string
	Run  func(ctx context.Context, a *App, caller model.Caller, req Req, w io.Writer) (Res, error)
}

// Do runs the stream here or in the running service. What read has read is worth
// nothing unless Do returns nil.
func (s Stream[Req, Res]) Do(ctx context.Context, c Config, req Req, read func(io.Reader) error) (res Res, err error) {
	err = somewhere(ctx, c, false, func(a *App) (err error) {
		res, err = s.here(ctx, a, req, read)
		return err
	}, func() (err error) {
		res, err = s.there(ctx, c, req, read)
		return err
	})
	return res, err
}

func (s Stream[Req, Res]) here(ctx context.Context, a *App, req Req, read func(io.Reader) error) (res Res, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		res, err = s.run(ctx, a, operator(os.Getuid()), req, w)
		w.CloseWithError(err)
	}()
	failed := read(r)
	r.CloseWithError(errors.Join(failed, io.ErrClosedPipe)) // whoever still writes is told
	<-done
	if err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return res, err
	}
	return res, failed
}

func (s Stream[Req, Res]) run(ctx context.Context, a *App, caller model.Caller, req Req, w io.Writer) (Res, error) {
	ctx = reqctx.With(ctx, &reqctx.Request{TraceID: rand.Text()})
	res, err := s.Run(ctx, a, caller, req, w)
	if err != nil {
		a.recordRefusal(ctx, caller, s.Name, req, err)
	}
	return res, err
}

// What comes behind the bytes on the socket: one of the two, as JSON. Without
// either they were cut off.
const (
	trailerResult  = "Rolegate-Result"
	trailerFailure = "Rolegate-Failure"
)

func (s Stream[Req, Res]) there(ctx context.Context, c Config, req Req, read func(io.Reader) error) (res Res, err error) {
	answer, err := post(ctx, socketPath(c.Data), "/streams/"+s.Name, req, 0)
	if err != nil {
		return res, err
	}
	defer answer.Body.Close()
	failed := read(answer.Body)
	if failed == nil {
		_, failed = io.Copy(io.Discard, answer.Body)
	}
	if text := answer.Trailer.Get(trailerFailure); text != "" {
		var e wireError
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			return res, err
		}
		return res, e.error()
	}
	if failed != nil {
		return res, failed
	}
	if err := json.Unmarshal([]byte(answer.Trailer.Get(trailerResult)), &res); err != nil {
		return res, fmt.Errorf("local socket: the service has stopped in between")
	}
	return res, nil
}

// serve runs the stream on behalf of a command that came through the socket.
func (s Stream[Req, Res]) serve(w http.ResponseWriter, r *http.Request, a *App) {
	uid, ok := r.Context().Value(peerKey{}).(int)
	if !ok {
		writeFailure(w, model.Errorf(model.CodeForbidden, "the socket's peer is unknown"))
		return
	}
	var req Req
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, a.Config.Limits().Policy)).Decode(&req); err != nil {
		writeFailure(w, model.Errorf(model.CodeInvalidRequest, "the command and the service do not understand each other; are they the same version?").Because(err))
		return
	}
	name, behind := trailerResult, any(nil)
	res, err := s.run(r.Context(), a, operator(uid), req, w)
	behind = res
	if err != nil {
		name, behind = trailerFailure, onWire(err)
	}
	text, err := json.Marshal(behind)
	if err != nil {
		a.Logger.Error("answer on the local socket", "err", err)
		return
	}
	w.Header().Set(http.TrailerPrefix+name, string(text))
}
