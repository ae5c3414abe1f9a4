package audit

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
	"time"

	"rolegate/internal/reqctx"
	"rolegate/internal/store"
	"rolegate/model"
)

// unshown are the activities of logging in that are no line of a history: a
// session refreshes itself, a CRM asks about a token as often as it likes, and what no
// service saw was no step.
var unshown = map[Activity]bool{TokenRefreshed: true, TokenIntrospected: true, RequestFailed: true, ClientToken: true, ClientFailed: true}

// endless is what a session can do again and again without a proof.
var endless = map[Activity]bool{DeviceRenamed: true, OthersRevoked: true}

// event is the entry's line in the login history of the person it is about, in
// the transaction of the entry, so that whatever is a step of a login has one. nil
// for other entries.
//
// Refusals of one kind within an hour are one line, with the number of them and
// where the last one came from: whoever knows a name can add few lines to what its
// owner reads, however often they try. So is what is endless: a stolen session cannot
// push its own beginning out of the history by it. A wrong password on nobody's account is
// noted like any other, under nobody, so that both cost the same.
func (e *Entry) event(req *reqctx.Request, at time.Time) *store.Event {
	if e.Class != ClassLogin || unshown[e.Activity] {
		return nil
	}
	user, known := strings.CutPrefix(e.Person, "user:")
	if !known && e.Caller.Kind == model.CallerUser {
		user, known = e.Caller.ID, true
	}
	if !known && e.Activity != PasswordFailed {
		return nil
	}
	ev := &store.Event{
		Tenant: e.Tenant, User: user, ID: rand.Text(), At: at.UTC(), Activity: string(e.Activity), Outcome: string(e.Outcome),
		Code: string(e.Code), Level: e.Level, Network: req.Network(), Agent: req.Agent(), Times: 1,
	}
	if e.Outcome != OutcomeOK || endless[e.Activity] {
		ev.ID = ev.Activity + "/" + ev.Code + "/" + strconv.FormatInt(at.Truncate(time.Hour).Unix(), 10)
	}
	return ev
}

// note adds the records' lines. It comes after the head was taken, which puts
// transactions that count on one line in order.
func note(ctx context.Context, tx store.Tx, records []record) error {
	for i := range records {
		if ev := records[i].event; ev != nil {
			if err := tx.NoteEvent(ctx, *ev); err != nil {
				return err
			}
		}
	}
	return nil
}
