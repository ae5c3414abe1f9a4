package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// problem is the body of an answer (RFC 9457), in the words of Rolegate's own.
type problem struct {
	Type         string   `json:"type"` // urn:rolegate:problem: and the code
	Title        string   `json:"title"`
	Status       int      `json:"status"`
	Detail       string   `json:"detail,omitempty"`
	Code         string   `json:"code"`
	ClosedFields []string `json:"closed_fields,omitempty"`
	ACRValues    string   `json:"acr_values,omitempty"`
	MaxAge       int64    `json:"max_age,omitempty"`
}

// WriteError answers a request that does not go through, by an error of this
// package: 401 with a challenge where the person can do something about it, 403
// where not, 404 for ErrNotFound, 503 where Rolegate does not answer. Any other
// error is 500 and says nothing of itself; log it before.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	p, challenge := problemOf(err)
	if t, ok := titles[p.Code]; ok {
		p.Title = t.in(r)
	} else {
		p.Title = titles["denied"].in(r)
	}
	p.Type = "urn:rolegate:problem:" + p.Code
	body, err := json.Marshal(p)
	if err != nil {
		http.Error(w, p.Code, p.Status)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if challenge != "" {
		h.Set("WWW-Authenticate", challenge)
	}
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n'))
}

func problemOf(err error) (p problem, challenge string) {
	var stepUp *StepUpError
	var denied *DeniedError
	switch {
	case errors.As(err, &stepUp):
		return problem{
			Status: http.StatusUnauthorized, Code: "insufficient_user_authentication", Detail: stepUp.Decision.Reason(),
			ACRValues: stepUp.ACRValues, MaxAge: stepUp.MaxAge,
		}, stepUp.Challenge()
	case errors.As(err, &denied):
		d := denied.Decision
		p := problem{Status: http.StatusForbidden, Code: orElse(d.Context.Code, "denied"), Detail: d.Reason(), ClosedFields: d.Context.ClosedFields}
		switch p.Code {
		case "session_invalid":
			p.Status, challenge = http.StatusUnauthorized, `Bearer error="invalid_token"`
		case "token_required":
			p.Status, challenge = http.StatusUnauthorized, "Bearer"
		}
		return p, challenge
	case errors.Is(err, ErrNoToken):
		return problem{Status: http.StatusUnauthorized, Code: "unauthorized"}, "Bearer"
	case errors.Is(err, ErrNotFound):
		return problem{Status: http.StatusNotFound, Code: "not_found"}, ""
	case errors.Is(err, ErrUnavailable):
		return problem{Status: http.StatusServiceUnavailable, Code: "access_unavailable"}, ""
	}
	return problem{Status: http.StatusInternalServerError, Code: "internal"}, ""
}

// text is a sentence in the languages that people have.
type text struct{ en, zh string }

var titles = map[string]text{
	"denied":             {"You do not have the right to do this.", "您没有执行此操作的权限。"},
	"unauthorized":       {"Please log in.", "请先登录。"},
	"session_invalid":    {"Your session has ended. Please log in again.", "会话已结束，请重新登录。"},
	"token_required":     {"Please log in.", "请先登录。"},
	"not_found":          {"There is no such record.", "没有此记录。"},
	"access_unavailable": {"Whether you may do this cannot be told right now. Please try again shortly.", "暂时无法确认您的权限，请稍后重试。"},
	"internal":           {"Something went wrong here.", "系统出错。"},

	"insufficient_user_authentication": {"Please confirm your identity once more, then try again.", "请再次验证身份后重试。"},
}

// in picks Chinese where the request prefers it to English.
func (t text) in(r *http.Request) string {
	for tag := range strings.SplitSeq(strings.ToLower(r.Header.Get("Accept-Language")), ",") {
		switch tag = strings.TrimSpace(tag); {
		case strings.HasPrefix(tag, "zh"):
			return t.zh
		case strings.HasPrefix(tag, "en"):
			return t.en
		}
	}
	return t.en
}
