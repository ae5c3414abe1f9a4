package server

import (
	"strconv"

	"rolegate/internal/i18n"
	"rolegate/model"
)

// inputError is what is wrong with a request, to be told in either language.
type inputError struct {
	code  model.Code
	what  i18n.Input
	path  string // such as "evaluations[3].subject.id"; empty for the request as a whole
	words i18n.Words
}

// bad makes an inputError; path is also a word of the sentence.
func bad(code model.Code, what i18n.Input, path string, words i18n.Words) *inputError {
	if words == nil {
		words = i18n.Words{}
	}
	words["path"] = path
	return &inputError{code: code, what: what, path: path, words: words}
}

// invalid is the usual inputError: the request is malformed.
func invalid(what i18n.Input, path string) *inputError {
	return bad(model.CodeInvalidRequest, what, path, nil)
}

// over is an inputError about a limit.
func over(code model.Code, what i18n.Input, path string, limit int64) *inputError {
	return bad(code, what, path, i18n.Words{"limit": strconv.FormatInt(limit, 10)})
}

// overSetting is over for a limit that a setting sets.
func overSetting(code model.Code, what i18n.Input, path, setting string, limit int64) *inputError {
	e := over(code, what, path, limit)
	e.words["setting"] = setting
	return e
}

func (e *inputError) in(l i18n.Lang) string { return i18n.Sentence(l, e.what, e.words) }

func (e *inputError) Error() string { return e.in(i18n.English) }

// Unwrap gives model.CodeOf its code.
func (e *inputError) Unwrap() error { return &model.Error{Code: e.code, Message: e.Error()} }
