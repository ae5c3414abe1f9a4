package account

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/console/page"
	"rolegate/internal/store"
	"rolegate/model"
)

// line is one of a history.
type line struct{ store.Event }

// Device is where it came from, see describe.
func (l line) Device() string { return describe(l.Agent) }

// Refused tells that it came to nothing.
func (l line) Refused() bool { return l.Outcome != string(audit.OutcomeOK) }

// Disown is the address that asks what to do where it was somebody else.
func (l line) Disown() string {
	return disownPath + "?" + url.Values{"line": {l.place()}}.Encode()
}

func (l line) place() string { return strconv.FormatInt(l.At.UnixMicro(), 10) + " " + l.ID }

// placeOf reads what place wrote.
func placeOf(text string) (p store.EventPlace, err error) {
	at, id, ok := strings.Cut(text, " ")
	micros, err := strconv.ParseInt(at, 10, 64)
	if err != nil || !ok || micros <= 0 || len(text) > maxPlace || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return p, model.Errorf(model.CodeInvalidRequest, "this is no place in a history")
	}
	return store.EventPlace{At: time.UnixMicro(micros).UTC(), ID: id}, nil
}

const (
	maxPlace = 200
	onPage   = 25 // lines of a history
)

// lines are a page of a history.
type lines struct {
	Lines []line
	Next  string // where the next begins, "" at the end
	Later bool   // it is not the first
}

func (p *pages) history(v *page.Visit) error {
	var l lines
	var before store.EventPlace
	after, err := v.After("history")
	if err != nil {
		return err
	}
	if l.Later = after != ""; l.Later {
		if before, err = placeOf(after); err != nil {
			return err
		}
	}
	events, err := p.login.History(v.Context(), v.Session.Caller, before, onPage+1)
	if err != nil {
		return err
	}
	for i, e := range events {
		if i == onPage {
			place, err := v.Next("history", l.Lines[i-1].place())
			if err != nil {
				return err
			}
			l.Next = historyPath + "?after=" + place
			break
		}
		l.Lines = append(l.Lines, line{e})
	}
	return v.Render("history.html", l)
}

// disowned is what the page says that asks whether to go on.
type disowned struct {
	Place string
	Line  *line // nil where it is none, or no longer
}

// askDisown says what will happen where a login was somebody else's.
func (p *pages) askDisown(v *page.Visit) error {
	d := disowned{Place: v.Query("line")}
	at, err := placeOf(d.Place)
	if err != nil {
		return v.Render("disown.html", disowned{})
	}
	switch e, err := p.login.Event(v.Context(), *v.Session, at); model.CodeOf(err) {
	case model.CodeNotFound:
		d.Place = ""
	default:
		if err != nil {
			return err
		}
		d.Line = &line{e}
	}
	return v.Render("disown.html", d)
}

// disown sends everybody else away, and leads to the password that they may know.
func (p *pages) disown(v *page.Visit) error {
	at, _ := placeOf(v.Form("line")) // none is fine
	d, _, err := p.login.Disown(v.Context(), *v.Session, at)
	if err != nil {
		return err
	}
	return v.Done(passwordPath, "disown.done", "n", d.Sessions)
}
