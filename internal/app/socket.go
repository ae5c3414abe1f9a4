package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"rolegate/model"
)

func socketPath(data string) string { return filepath.Join(data, "rolegate.sock") }

// maxSocketPath is what sun_path holds on Linux, its final NUL included.
const maxSocketPath = 108

func checkSocketPath(path string) error {
	if len(path) >= maxSocketPath {
		return model.Errorf(model.CodeSettingInvalid, "ROLEGATE_DATA is too deep: the local socket's path %s has %d bytes and may have %d", path, len(path), maxSocketPath-1)
	}
	return nil
}

// listenSocket opens the local socket, for its owner only. The lock is ours, so
// a file that lies there is a dead process's.
func listenSocket(data string) (net.Listener, error) {
	path := socketPath(data)
	if err := checkSocketPath(path); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	// The umask makes it private before anybody can connect.
	old := unix.Umask(0o177)
	ln, err := net.Listen("unix", path)
	unix.Umask(old)
	return ln, err
}

type peerKey struct{}

// socketServer answers the operations of commands. Who is at the other end is
// what the kernel says (SO_PEERCRED), not what the command says.
func (a *App) socketServer() *http.Server {
	mux := http.NewServeMux()
	for _, op := range operations {
		mux.HandleFunc("POST /operations/"+op.name(), func(w http.ResponseWriter, r *http.Request) {
			uid, ok := r.Context().Value(peerKey{}).(int)
			if !ok {
				writeFailure(w, model.Errorf(model.CodeForbidden, "the socket's peer is unknown"))
				return
			}
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, a.Config.Limits().Policy*2))
			if err != nil {
				writeFailure(w, model.Errorf(model.CodeTooLarge, "the command is too large"))
				return
			}
			res, err := op.serve(r.Context(), a, operator(uid), body)
			if err != nil {
				writeFailure(w, err)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			if err := json.NewEncoder(w).Encode(res); err != nil {
				a.Logger.Error("answer on the local socket", "err", err)
			}
		})
	}
	mux.HandleFunc("POST /streams/"+ExportLog.Name, func(w http.ResponseWriter, r *http.Request) { ExportLog.serve(w, r, a) })
	return &http.Server{
		Handler:  mux,
		ErrorLog: slog.NewLogLogger(a.Logger.Handler(), slog.LevelWarn),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if uid, err := peerUID(c); err == nil {
				return context.WithValue(ctx, peerKey{}, uid)
			}
			return ctx
		},
	}
}

func writeFailure(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnprocessableEntity)
	_ = json.NewEncoder(w).Encode(onWire(err))
}

func onWire(err error) wireError {
	failed := wireError{Code: model.CodeOf(err), Message: err.Error()}
	var e *model.Error
	if errors.As(err, &e) {
		failed.Details = e.Details
	}
	return failed
}

// peerUID asks the kernel who connected.
func peerUID(c net.Conn) (uid int, err error) {
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	ctl := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(ctl, err); err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}
