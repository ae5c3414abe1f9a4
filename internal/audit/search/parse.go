package search

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/ocsf"
	"rolegate/model"
)

// Parameter is one thing to look for, as people write it: a parameter of a query, a
// flag of a command.
type Parameter struct {
	Name  string
	About string
	set   func(f *Filter, value string) Want
}

// Parameters are all of them.
var Parameters = []Parameter{
	{"subject", "the person it is about or by, such as user:ann", func(f *Filter, v string) Want { f.Subject = v; return named(v) }},
	{"object", "what it is about: a type such as contact, or a record such as contact:4711", func(f *Filter, v string) Want {
		f.Object = v
		if f.record() != "" {
			return named(v)
		}
		return ""
	}},
	{"action", "what was asked for or done, such as read", func(f *Filter, v string) Want { f.Op = v; return "" }},
	{"activity", "what happened, such as authz_evaluate", func(f *Filter, v string) Want { f.Activity = audit.Activity(v); return happens(f.Activity) }},
	{"class", "login, decision, admin, break_glass or system", func(f *Filter, v string) Want { f.Class = audit.Class(v); return among(classes, f.Class, WantClass) }},
	{"outcome", "allow, deny, ok or error", func(f *Filter, v string) Want {
		f.Outcome = audit.Outcome(v)
		return among(outcomes, f.Outcome, WantOutcome)
	}},
	{"code", "the reason, such as not_granted", func(f *Filter, v string) Want { f.Code = model.Code(v); return "" }},
	{"rule", "the row that decided, such as p:12", func(f *Filter, v string) Want { f.Rule = v; return "" }},
	{"revision", "the policy's revision", func(f *Filter, v string) (want Want) { f.Revision, want = number(v); return want }},
	{"client", "the client that called", func(f *Filter, v string) Want { f.Service = v; return "" }},
	{"trace_id", "the request's trace id, as errors show it", func(f *Filter, v string) Want { f.Request = v; return traced(v) }},
	{"from", "this moment or later (RFC 3339)", func(f *Filter, v string) (want Want) { f.From, want = moment(v); return want }},
	{"until", "before this moment (RFC 3339)", func(f *Filter, v string) (want Want) { f.Until, want = moment(v); return want }},
}

var (
	classes  = []audit.Class{audit.ClassLogin, audit.ClassDecision, audit.ClassAdmin, audit.ClassBreakGlass, audit.ClassSystem}
	outcomes = []audit.Outcome{audit.OutcomeAllow, audit.OutcomeDeny, audit.OutcomeOK, audit.OutcomeError}
	orders   = []Order{Newest, Oldest}
)

// Want says what a parameter should have been.
type Want string

const (
	WantName    Want = "type:id, such as user:ann"
	WantClass   Want = "one of login, decision, admin, break_glass, system"
	WantOutcome Want = "one of allow, deny, ok, error"
	WantOrder   Want = "newest or oldest"
	WantNumber  Want = "a whole number from 1"
	WantTime    Want = "a time such as 2026-11-26T08:00:00Z (RFC 3339)"
	WantLater   Want = "later than from"
	WantHappens Want = "what happens here, such as authz_evaluate; docs/audit-export.md has the list"
	WantTrace   Want = "a trace id: 32 hexadecimal digits, or of a command 26 letters and digits"
	WantText    Want = "text in UTF-8 without U+0000, at most 1024 bytes"
)

// Wrong is a parameter that is not what it should be.
type Wrong struct {
	Name string
	Want Want
}

func (w *Wrong) Error() string { return fmt.Sprintf("%s must be %s", w.Name, w.Want) }

// Unwrap gives model.CodeOf its code.
func (w *Wrong) Unwrap() error {
	return &model.Error{Code: model.CodeInvalidRequest, Message: w.Error()}
}

// Parse reads what people wrote, by parameter; what is empty asks for nothing. Other
// names are not looked at. Errors are *Wrong.
func Parse(values map[string]string) (f Filter, err error) {
	for _, p := range Parameters {
		v := values[p.Name]
		if v == "" {
			continue
		}
		want := text(v)
		if want == "" {
			want = p.set(&f, v)
		}
		if want != "" {
			return Filter{}, &Wrong{p.Name, want}
		}
	}
	if !f.From.IsZero() && !f.Until.IsZero() && !f.From.Before(f.Until) {
		return Filter{}, &Wrong{"until", WantLater}
	}
	return f, nil
}

// ParseOrder reads an order; the newest first where nothing is said.
func ParseOrder(s string) (Order, error) {
	if s == "" {
		return Newest, nil
	}
	if want := among(orders, Order(s), WantOrder); want != "" {
		return "", &Wrong{"order", want}
	}
	return Order(s), nil
}

// maxValue bounds a parameter, in bytes.
const maxValue = 1024

func text(v string) Want {
	if len(v) > maxValue || strings.ContainsRune(v, 0) || strings.ToValidUTF8(v, "") != v {
		return WantText
	}
	return ""
}

func named(v string) Want {
	if kind, id, ok := strings.Cut(v, ":"); !ok || kind == "" || id == "" {
		return WantName
	}
	return ""
}

func among[T ~string](known []T, v T, want Want) Want {
	if !slices.Contains(known, v) {
		return want
	}
	return ""
}

// happens knows what is recorded by the table of what it is elsewhere, which has all.
func happens(a audit.Activity) Want {
	if _, known := ocsf.Activities[a]; !known {
		return WantHappens
	}
	return ""
}

// traceID is that of a request, or of a command on the host.
var traceID = regexp.MustCompile(`^([0-9a-f]{32}|[A-Z2-7]{26})$`)

func traced(v string) Want {
	if !traceID.MatchString(v) {
		return WantTrace
	}
	return ""
}

func number(v string) (int64, Want) {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != v {
		return 0, WantNumber
	}
	return n, ""
}

func moment(v string) (time.Time, Want) {
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil || t.IsZero() {
		return time.Time{}, WantTime
	}
	return t, ""
}
