package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rolegate/api"
	"rolegate/internal/i18n"
	"rolegate/internal/login"
	"rolegate/internal/password"
	"rolegate/internal/policy"
	"rolegate/internal/reqctx"
	"rolegate/model"
)

// statusCancelled is what the log says of a request whose caller went away;
// there is nobody left to read it.
const statusCancelled = 499

// outcome is how a code is answered.
type outcome struct {
	status int
	retry  int  // seconds of Retry-After; 0 for none
	exact  bool // the message says more than the code, so it is shown in every language
	asked  bool // the caller brought it about, so it is no fault of ours, whatever the status
}

// outcomes is the one table from code to answer. A code that is not here is
// answered as CodeInternal.
var outcomes = map[model.Code]outcome{
	model.CodeInvalidRequest:     {status: 400, exact: true},
	model.CodeLimitExceeded:      {status: 400, exact: true},
	model.CodeReasonRequired:     {status: 400},
	model.CodeInvalidScope:       {status: 400, exact: true},
	model.CodeUnsupportedGrant:   {status: 400},
	model.CodeClientTenantNeeded: {status: 400},

	model.CodeUnauthorized:  {status: 401},
	model.CodeLoginFailed:   {status: 401},
	model.CodeTicketInvalid: {status: 401},
	model.CodeCodeInvalid:   {status: 401},
	model.CodeInviteInvalid: {status: 401},
	model.CodeTokenInvalid:  {status: 401},
	model.CodePasswordWrong: {status: 401},
	model.CodeInvalidClient: {status: 401},

	model.CodeProxyUnauthorized: {status: 401},
	model.CodeStepUp:            {status: 401},

	model.CodeForbidden:      {status: 403, exact: true},
	model.CodeOfficeReserved: {status: 403},
	model.CodeForeignEntries: {status: 403},
	model.CodeReEnrolOnly:    {status: 403},
	model.CodeTenantDisabled: {status: 403},

	model.CodeNotFound:          {status: 404},
	model.CodeBeyondCheckpoint:  {status: 404},
	model.CodeCheckpointUnknown: {status: 404, exact: true},
	model.CodeTenantUnknown:     {status: 404},
	model.CodeUserUnknown:       {status: 404},
	model.CodeRoleUnknown:       {status: 404},
	model.CodeClientUnknown:     {status: 404},
	model.CodeMethodNotAllowed:  {status: 405},

	model.CodeConflict:         {status: 409, exact: true},
	model.CodeOfficeConflict:   {status: 409},
	model.CodeLastOfficeHolder: {status: 409},
	model.CodeInUse:            {status: 409, exact: true},
	model.CodeDeviceLimit:      {status: 409},
	model.CodeLastDevice:       {status: 409},
	model.CodeDeviceRequired:   {status: 409},
	model.CodePrecondition:     {status: 412},

	model.CodeTooLarge:         {status: 413},
	model.CodeUnsupportedMedia: {status: 415},
	model.CodePasswordRejected: {status: 422, exact: true},
	model.CodePolicyInvalid:    {status: 422},
	model.CodeCatalogInvalid:   {status: 422},
	model.CodeCasesInvalid:     {status: 422},
	model.CodeImportInvalid:    {status: 422},
	model.CodeCasesFailed:      {status: 422},

	model.CodeFilterTooLarge: {status: 422, exact: true},
	model.CodeInexpressible:  {status: 422, exact: true},

	model.CodeCancelled: {status: statusCancelled},

	model.CodeTooManyAttempts: {status: 429},

	model.CodeInternal:       {status: 500},
	model.CodeSettingInvalid: {status: 500},
	model.CodeKeyMissing:     {status: 500},
	model.CodeKeyWrong:       {status: 500},
	model.CodeLogAltered:     {status: 500},

	model.CodeBusy:             {status: 503, retry: 2},
	model.CodeRevisionBehind:   {status: 503, retry: 1, asked: true},
	model.CodeAuditUnavailable: {status: 503, retry: 10},
	model.CodeStoreUnavailable: {status: 503, retry: 10},
	model.CodeStopping:         {status: 503, retry: 1},
	model.CodeStorageFull:      {status: 503, retry: 60},
	model.CodeLocked:           {status: 503, retry: 10},
}

// codeOf is the code an error is answered with.
func codeOf(r *http.Request, err error) model.Code {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return model.CodeCancelled
	}
	code := model.CodeOf(err)
	if code == model.CodeInternal && errors.Is(err, context.DeadlineExceeded) {
		return model.CodeBusy
	}
	if _, known := outcomes[code]; !known {
		return model.CodeInternal
	}
	return code
}

// problem answers an error as problem+json (RFC 9457), in the caller's
// language, and leaves code and cause to the request's log event. It is the
// last thing that happens to a request.
func (s *Server) problem(w http.ResponseWriter, r *http.Request, err error) {
	p := s.problemOf(w, r, localized(w, r), err)
	switch model.Code(p.Code) {
	case model.CodeUnauthorized:
		w.Header().Set("WWW-Authenticate", challenge(r))
	case model.CodeStepUp:
		w.Header().Set("WWW-Authenticate", stepUpChallenge(&model.StepUp{ACR: 2, MaxAge: login.FreshFor}))
	}
	write(w, "application/problem+json", p.Status, p)
}

// problemOf is an error as it is told, noted for the log; what goes into headers is in
// them.
func (s *Server) problemOf(w http.ResponseWriter, r *http.Request, lang i18n.Lang, err error) api.Problem {
	code := codeOf(r, err)
	to := fail(w, r, code, err)
	trace := reqctx.From(r.Context()).TraceID
	p := api.Problem{
		Type:     "urn:rolegate:problem:" + string(code),
		Title:    i18n.Title(lang, code),
		Status:   to.status,
		Instance: "urn:rolegate:trace:" + trace,
		Code:     string(code),
		TraceID:  trace,
	}
	p.Detail, p.Errors = explain(lang, code, to, err)
	switch code {
	case model.CodeCodeInvalid:
		wrongCode(lang, &p, err)
	case model.CodePrecondition:
		movedDraft(&p, err)
	}
	return p
}

// fail notes the error for the log and sets the headers every failure has.
func fail(w http.ResponseWriter, r *http.Request, code model.Code, err error) outcome {
	to := outcomes[code]
	ev := eventOf(r.Context())
	ev.code = code
	if to.status >= 500 && !to.asked {
		ev.cause = err
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Del("ETag")
	if to.status != http.StatusUnauthorized && to.status != http.StatusForbidden {
		h.Del("WWW-Authenticate")
	}
	if wait := retryAfter(to, err); wait > 0 {
		h.Set("Retry-After", strconv.Itoa(wait))
	}
	if to.status == http.StatusRequestEntityTooLarge {
		h.Set("Connection", "close") // the rest of the body is not worth reading
	}
	return to
}

// retryAfter is the seconds after which to try again, rounded up; 0 where it is
// not said.
func retryAfter(to outcome, err error) int {
	var e *model.Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		return int((e.RetryAfter + time.Second - 1) / time.Second)
	}
	return to.retry
}

// explain gives the sentence for people, and every bad place. What is a fault
// of ours is told in a fixed sentence.
func explain(lang i18n.Lang, code model.Code, to outcome, err error) (string, []api.ProblemDetail) {
	detail := i18n.Detail(lang, code)
	var input *inputError
	if errors.As(err, &input) && input.code == code {
		detail = input.in(lang)
		if input.path == "" {
			return detail, nil
		}
		return detail, []api.ProblemDetail{{Path: input.path, Reason: detail}}
	}
	var rejected *password.Rejected
	if errors.As(err, &rejected) && code == model.CodePasswordRejected {
		reasons := passwordReasons(lang, rejected.Reasons, rejected.Limit)
		return reasons[0].Reason, reasons
	}
	var behind *policy.Behind
	if errors.As(err, &behind) {
		return behindDetail(lang, behind), nil
	}
	var e *model.Error
	if to.status >= 500 || !errors.As(err, &e) || e.Code != code {
		return detail, nil
	}
	var places []api.ProblemDetail
	for _, d := range e.Details {
		places = append(places, api.ProblemDetail{Path: d.Path, Line: d.Line, Column: d.Column, Code: string(d.Code), Reason: i18n.Phrase(lang, d.Reason)})
	}
	switch {
	case e.Message == "":
	case lang == i18n.English:
		detail = i18n.Capital(e.Message)
	case i18n.Said(lang, e) != "":
		detail = i18n.Said(lang, e)
	case e.Limit != nil:
		detail = i18n.Sentence(lang, i18n.LimitPassed, i18n.Words{"setting": e.Limit.Setting, "limit": strconv.FormatInt(e.Limit.Value, 10)})
	case to.exact && len(places) == 0:
		places = []api.ProblemDetail{{Reason: i18n.Capital(e.Message)}}
	}
	for i := range places { // a place of which the error says all there is
		if places[i].Reason == "" {
			places[i].Reason = detail
		}
	}
	return detail, places
}

// localized chooses the language of an answer and says so in its headers.
func localized(w http.ResponseWriter, r *http.Request) i18n.Lang {
	lang := i18n.English
	switch values := r.Header["Accept-Language"]; len(values) {
	case 0:
	case 1:
		lang = i18n.Negotiate(values[0])
	default:
		lang = i18n.Negotiate(strings.Join(values, ","))
	}
	h := w.Header()
	h["Content-Language"] = languages[lang]
	if h["Vary"] == nil {
		h["Vary"] = varyLanguage
	} else {
		h.Add("Vary", "Accept-Language")
	}
	return lang
}

var (
	varyLanguage = one("Accept-Language")
	languages    = map[i18n.Lang][]string{i18n.English: one(string(i18n.English)), i18n.Chinese: one(string(i18n.Chinese))}
)

// reply answers with JSON.
func reply(w http.ResponseWriter, status int, v any) error {
	write(w, "application/json", status, v)
	return nil
}

// write encodes v whole before the first byte goes out. Our own wire types
// always encode: a failure is a bug, and panics into the answer of one.
func write(w http.ResponseWriter, contentType string, status int, v any) {
	body, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	w.Write(append(body, '\n')) // an error means the caller is gone
}

// accounted begin the paths below which every request has its entry, also one that
// no route takes: questions and logins.
var accounted = []string{"/access/v1/", "/v1/login"}

// noRoute answers a request that no route takes, with a page where a browser asks. As
// what it is recorded is a pattern, "" for what is nobody's.
func (s *Server) noRoute(w http.ResponseWriter, r *http.Request, code model.Code, pattern string) {
	var err error = &model.Error{Code: code}
	if pattern != "" {
		err = s.recordAs(r, model.Caller{Kind: model.CallerAnonymous}, pattern, code, err)
	}
	if p := s.missing; p != nil && forReader(r) {
		p.Fail(w, r, s.problemOf(w, r, p.Language(r), err), err)
		return
	}
	s.problem(w, r, err)
}

// notFound answers paths that are none of ours.
func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	pattern := ""
	if i := slices.IndexFunc(accounted, func(begins string) bool { return strings.HasPrefix(r.URL.Path, begins) }); i >= 0 {
		pattern = accounted[i] + "*"
	}
	s.noRoute(w, r, model.CodeNotFound, pattern)
}

// methodNotAllowed answers other methods on our paths, naming those there are. On what is
// not for everybody it is recorded like any other refusal there.
func (s *Server) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	allowed, pattern := allowedMethods(r)
	if len(allowed) == 0 { // a method nobody knows, on a path that is none of ours
		s.notFound(w, r)
		return
	}
	w.Header().Set("Allow", strings.Join(withHead(r, allowed), ", "))
	if s.everybodys[pattern] {
		pattern = ""
	}
	s.noRoute(w, r, model.CodeMethodNotAllowed, pattern)
}
