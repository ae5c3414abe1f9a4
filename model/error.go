package model

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Code is the stable, machine-readable name of an outcome. Codes are part of
// the API: listed here once, documented in docs/api.md, never reused. The human
// text of a code exists in en and zh-CN (package i18n); a code never changes
// with the language.
type Code string

// Codes of errors. The HTTP status of each is in server/errors.go.
const (
	CodeInternal           Code = "internal"                         // a fault of ours; the cause is in the log under the trace id
	CodeInvalidRequest     Code = "invalid_request"                  // malformed or incomplete input
	CodeUnsupportedMedia   Code = "unsupported_media_type"           // the body is not application/json
	CodeTooLarge           Code = "request_too_large"                // the body passes its limit
	CodeNotFound           Code = "not_found"                        // no such thing, or none the caller may know of
	CodeMethodNotAllowed   Code = "method_not_allowed"               //
	CodeConflict           Code = "conflict"                         // already there, or changed meanwhile
	CodeUnauthorized       Code = "unauthorized"                     // no, or no valid, caller token
	CodeForbidden          Code = "forbidden"                        // a valid caller without the right
	CodeLoginFailed        Code = "login_failed"                     // wrong user name or password; never says which
	CodeTicketInvalid      Code = "ticket_invalid"                   // unknown, expired, used or spent ticket
	CodeCodeInvalid        Code = "code_invalid"                     // wrong, malformed or already used one-time or recovery code
	CodeInviteInvalid      Code = "invite_invalid"                   // unknown, expired or used invitation
	CodePasswordRejected   Code = "password_rejected"                // the new password breaks a rule; the message says which
	CodeTokenInvalid       Code = "token_invalid"                    // refresh token unknown, expired, reused, or its session has ended
	CodeBusy               Code = "busy"                             // all hash workers are taken; try again shortly
	CodeAuditUnavailable   Code = "audit_unavailable"                // the record could not be written, so the answer is no
	CodeStoreUnavailable   Code = "store_unavailable"                // the database cannot be reached or written
	CodeStopping           Code = "stopping"                         // the process was told to stop; of readiness
	CodeStorageFull        Code = "storage_full"                     // the disk or the database is full
	CodeLogAltered         Code = "log_altered"                      // of a verification or a checkpoint: the log is not as it was written
	CodeTenantUnknown      Code = "tenant_unknown"                   //
	CodeTenantDisabled     Code = "tenant_disabled"                  //
	CodeUserUnknown        Code = "user_unknown"                     //
	CodeRoleUnknown        Code = "role_unknown"                     //
	CodeClientUnknown      Code = "client_unknown"                   //
	CodeOfficeConflict     Code = "office_conflict"                  // one account cannot hold two offices
	CodeReasonRequired     Code = "reason_required"                  // an act that needs a reason, without one
	CodePolicyInvalid      Code = "policy_invalid"                   // a policy document with bad rows; Details lists every one
	CodeCatalogInvalid     Code = "catalog_invalid"                  // a catalogue with bad entries; Details lists every one
	CodeImportInvalid      Code = "import_invalid"                   // an import file with bad entries; Details lists every one
	CodeCasesFailed        Code = "cases_failed"                     // a draft's own test cases do not pass; Details lists every one
	CodeLimitExceeded      Code = "limit_exceeded"                   // a configured limit is passed; the message names it
	CodeSettingInvalid     Code = "setting_invalid"                  // unknown, malformed or contradictory setting
	CodeKeyMissing         Code = "key_missing"                      // the key-encryption key file is missing
	CodeKeyWrong           Code = "key_wrong"                        // the key-encryption key is not the one this store was made with
	CodeLocked             Code = "locked"                           // another process holds the data directory and does not answer
	CodeInvalidClient      Code = "invalid_client"                   // OAuth 2.0 (RFC 6749 section 5.2)
	CodeInvalidScope       Code = "invalid_scope"                    // OAuth 2.0 (RFC 6749 section 5.2)
	CodeUnsupportedGrant   Code = "unsupported_grant_type"           // OAuth 2.0 (RFC 6749 section 5.2)
	CodeLastOfficeHolder   Code = "last_office_holder"               // the last holder of an office cannot be removed
	CodeClientTenantNeeded Code = "tenant_required"                  // a platform client must name the tenant it asks for
	CodePasswordWrong      Code = "password_wrong"                   // the current password, asked for again, is not right
	CodeCancelled          Code = "cancelled"                        // the caller went away before the answer; nobody reads it, the log does
	CodeProxyUnauthorized  Code = "proxy_unauthorized"               // forward-auth: no, or no valid, credentials of the proxy
	CodeFilterTooLarge     Code = "filter_too_large"                 // a list filter would hold more ids than its limit; the message names it
	CodeInexpressible      Code = "filter_inexpressible"             // a row of the policy cannot be a list filter; the message names it
	CodeRevisionBehind     Code = "revision_unavailable"             // the answer would be older than the caller's min_revision; try again
	CodePrecondition       Code = "precondition_failed"              // If-Match or If-None-Match does not hold (RFC 9110 section 13.1)
	CodeInUse              Code = "in_use"                           // others still refer to what should be deleted
	CodeStepUp             Code = "insufficient_user_authentication" // a factor has to be proven anew before this; RFC 9470, POST /v1/step-up
	CodeTooManyAttempts    Code = "too_many_attempts"                // a limit on tries is reached; RetryAfter says when one is heard again
	CodeReEnrolOnly        Code = "re_enrol_only"                    // a session opened by a recovery code can only enrol a new device
	CodeDeviceLimit        Code = "device_limit"                     // a person has as many devices for one-time codes as may be
	CodeLastDevice         Code = "last_device"                      // the last device stays while a second factor is required
	CodeDeviceRequired     Code = "device_required"                  // this needs a device for one-time codes, and there is none
	CodeBeyondCheckpoint   Code = "beyond_checkpoint"                // of the log: not covered by a checkpoint yet; RetryAfter says when to ask again
	CodeCheckpointUnknown  Code = "checkpoint_unknown"               // of the log: no checkpoint was made of that many entries
	CodeForeignEntries     Code = "foreign_entries"                  // of the log: what is asked for has entries of other tenants in it
	CodeCasesInvalid       Code = "cases_invalid"                    // cases of a policy that cannot be read; Details lists every mistake
	CodeOfficeReserved     Code = "office_reserved"                  // offices are given and taken on the host, or given by two holders of two others
)

// Error is an outcome that callers can act on: a code for machines, a sentence
// for people (English; packages that face people translate by code), and a cause
// for operators only, which is logged and never shown.
type Error struct {
	Code    Code
	Message string // what is wrong and how to mend it; may be shown to the caller
	Format  string // what Errorf made the message of, and with what: to say it in another language
	Args    []any
	Details []Detail     // every bad place, where there may be several
	Limit   *PassedLimit // of CodeLimitExceeded, where the limit is a setting

	RetryAfter time.Duration // of CodeTooManyAttempts: when to try again

	Err error // the cause; never leaves the process
}

// Detail is one bad place in something a person wrote: a policy row, an import
// entry, a catalogue entry.
type Detail struct {
	Line   int    `json:"line,omitempty"`   // 1-based; 0 where the input has no lines
	Column int    `json:"column,omitempty"` // 1-based column in bytes; 0 for the whole line
	Path   string `json:"path,omitempty"`   // such as subjects[3].manager; empty for line-based input
	Code   Code   `json:"code,omitempty"`   // of an import's entry: what is wrong, for machines
	Reason Phrase `json:"reason"`           // one sentence; none for that of the error
}

// String gives the places that are known, and the reason: "12:4: reason",
// "path: reason", "12:4: path: reason" or "reason".
func (d Detail) String() string {
	s := d.Reason.Text
	if d.Path != "" {
		s = visible(d.Path) + ": " + s
	}
	switch {
	case d.Line > 0 && d.Column > 0:
		s = fmt.Sprintf("%d:%d: %s", d.Line, d.Column, s)
	case d.Line > 0:
		s = fmt.Sprintf("%d: %s", d.Line, s)
	}
	return s
}

// visible quotes a path with anything in it that a terminal would obey or hide:
// its names are those somebody wrote.
func visible(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(path)
	}
	return path
}

func (e *Error) Error() string {
	s := string(e.Code)
	if e.Message != "" {
		s = e.Message
	}
	if e.Err != nil {
		s = strings.TrimSuffix(s, ".") + ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error whose message is shown to people; see Because for a cause.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Format: format, Args: args}
}

// Noting adds to the message what is there in English only, as Phrase.Noting does.
func (e *Error) Noting(english string) *Error {
	c := *e
	c.Message += ": " + english
	return &c
}

// Phrase is what the message says.
func (e *Error) Phrase() Phrase { return Phrase{e.Message, e.Format, e.Args} }

// Because returns a copy of e with its cause set.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Err = cause
	return &c
}

// faults are the codes that say that we could not answer.
var faults = map[Code]bool{
	CodeInternal: true, CodeSettingInvalid: true, CodeKeyMissing: true, CodeKeyWrong: true, CodeAuditUnavailable: true,
	CodeStoreUnavailable: true, CodeStopping: true, CodeStorageFull: true, CodeLocked: true, CodeLogAltered: true,
}

// Fault tells whether the code says that we could not answer. CodeBusy is none: it
// says that too many ask.
func (c Code) Fault() bool { return faults[c] }

// CodeOf returns the code of the first Error in err's chain, CodeInternal for
// any other error, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
