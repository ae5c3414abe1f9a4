package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/reqctx"
	"rolegate/model"
)

// Operation is one thing an operator's command does. A command never guesses
// whether a service is running: Do takes the process lock of the data directory
// and runs the operation on the store itself, or, when the lock is held, asks
// its holder through the local socket. Request and result are JSON, so both ways
// are the same.
type Operation[Req, Res any] struct {
	Name string
	Run  func(ctx context.Context, a *App, caller model.Caller, req Req) (Res, error)
}

// lockWait bounds how long a command waits for another command to finish.
const lockWait = 10 * time.Second

// Do runs the operation here or in the running service.
func (o Operation[Req, Res]) Do(ctx context.Context, c Config, req Req) (Res, error) {
	var res Res
	err := somewhere(ctx, c, makesStore(o.Name), func(a *App) (err error) {
		res, err = o.run(ctx, a, operator(os.Getuid()), req)
		return err
	}, func() error { return ask(ctx, socketPath(c.Data), o.Name, req, &res) })
	return res, err
}

// somewhere does something here, on the store under the lock, or there, in the
// process that holds it. Where there is no store it makes one, or is a NoStoreError.
func somewhere(ctx context.Context, c Config, makes bool, here func(*App) error, there func() error) error {
	if !makes {
		if err := c.somethingThere(); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(lockWait)
	for {
		l, err := takeLock(c.Data)
		if err == nil {
			return opened(ctx, c, l, makes, here)
		}
		if !errors.Is(err, errLocked) {
			return err
		}
		if err = there(); !errors.Is(err, errNobody) {
			return err
		}
		if time.Now().After(deadline) {
			return model.Errorf(model.CodeLocked, "another process holds %s and answers no commands; wait for it to finish, or stop it", c.Data)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// opened opens the store under the lock that was taken, and gives both back.
func opened(ctx context.Context, c Config, l *lock, makes bool, here func(*App) error) (err error) {
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	a, err := open(ctx, c, l, makes, quiet)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return here(a)
}

// run runs the operation and records a refusal, which no change carries.
func (o Operation[Req, Res]) run(ctx context.Context, a *App, caller model.Caller, req Req) (Res, error) {
	ctx = reqctx.With(ctx, &reqctx.Request{TraceID: rand.Text()})
	res, err := o.Run(ctx, a, caller, req)
	if err != nil {
		a.recordRefusal(ctx, caller, o.Name, req, err)
	}
	return res, err
}

// reading is an operation that changes nothing and shows one thing of what is kept here:
// before it does the log has its entry. listing is one that shows many.
func reading[Req, Res any](name string, what audit.Activity, run func(context.Context, *App, model.Caller, Req) (Res, error)) Operation[Req, Res] {
	return showing(name, what, run, func(Res) int { return 1 })
}

func listing[Req, Item any](name string, what audit.Activity, run func(context.Context, *App, model.Caller, Req) ([]Item, error)) Operation[Req, []Item] {
	return showing(name, what, run, func(all []Item) int { return len(all) })
}

// showing is reading where the entry says how many are shown.
func showing[Req, Res any](name string, what audit.Activity, run func(context.Context, *App, model.Caller, Req) (Res, error), count func(Res) int) Operation[Req, Res] {
	return Operation[Req, Res]{name, func(ctx context.Context, a *App, caller model.Caller, req Req) (none Res, err error) {
		res, err := run(ctx, a, caller, req)
		if err != nil {
			return none, err
		}
		err = a.Log.Append(ctx, audit.Entry{Tenant: tenantOf(req), Class: audit.ClassAdmin, Activity: what, Outcome: audit.OutcomeOK,
			Op: name, Caller: caller, Count: int64(count(res))})
		if err != nil {
			return none, err
		}
		return res, nil
	}}
}

// tenantOf is the tenant a request is about; "" for none.
func tenantOf(req any) string {
	if t, ok := req.(interface{ tenant() string }); ok {
		return t.tenant()
	}
	return ""
}

// recordRefusal records an operation that was refused.
func (a *App) recordRefusal(ctx context.Context, caller model.Caller, operation string, req any, err error) {
	e := audit.Entry{Class: audit.ClassAdmin, Activity: audit.OperationFailed, Outcome: audit.OutcomeDeny,
		Code: model.CodeOf(err), Op: operation, Caller: caller, Tenant: tenantOf(req)}
	if e.Code == model.CodeInternal {
		e.Outcome = audit.OutcomeError
	}
	if failed := a.Log.Append(ctx, e); failed != nil {
		a.Logger.Error("record a refused operation", "operation", operation, "error", failed)
	}
}

// serve runs the operation on behalf of a command that came through the socket.
func (o Operation[Req, Res]) serve(ctx context.Context, a *App, caller model.Caller, body []byte) (any, error) {
	var req Req
	if err := json.Unmarshal(body, &req); err != nil {
		return nil, model.Errorf(model.CodeInvalidRequest, "the command and the service do not understand each other; are they the same version?").Because(err)
	}
	return o.run(ctx, a, caller, req)
}

func (o Operation[Req, Res]) name() string { return o.Name }

// served is an operation whatever its types.
type served interface {
	name() string
	serve(ctx context.Context, a *App, caller model.Caller, body []byte) (any, error)
}

// operator is the caller behind a command: the user id the kernel vouches for.
func operator(uid int) model.Caller {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return model.Caller{Kind: model.CallerOperator, ID: strconv.Itoa(uid) + "@" + host}
}

// errNobody means nobody listens on the socket.
var errNobody = errors.New("nobody answers on the local socket")

// answerTimeout bounds one operation through the socket; an import of the
// largest file is the slowest.
const answerTimeout = 5 * time.Minute

// ask sends an operation through the socket and decodes its result.
func ask(ctx context.Context, socket, name string, req, res any) error {
	answer, err := post(ctx, socket, "/operations/"+name, req, answerTimeout)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return json.NewDecoder(answer.Body).Decode(res)
}

// post sends a request through the socket; the answer is one of success. 0 waits
// for it without end.
func post(ctx context.Context, socket, path string, req any, timeout time.Duration) (*http.Response, error) {
	if err := checkSocketPath(socket); err != nil {
		return nil, err
	}
	body, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	client := http.Client{Timeout: timeout, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://rolegate"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(r)
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return nil, errNobody
	}
	if err != nil {
		return nil, fmt.Errorf("local socket: %w", err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Body.Close()
	var failed wireError
	if err := json.NewDecoder(answer.Body).Decode(&failed); err != nil {
		return nil, fmt.Errorf("local socket: status %d", answer.StatusCode)
	}
	return nil, failed.error()
}

// wireError is a model.Error on the socket. The host's operator may see causes.
type wireError struct {
	Code    model.Code     `json:"code"`
	Message string         `json:"message"`
	Details []model.Detail `json:"details,omitempty"`
}

func (w wireError) error() error {
	return &model.Error{Code: w.Code, Message: w.Message, Details: w.Details}
}
