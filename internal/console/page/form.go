package page

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"

	"rolegate/model"
)

// Bounds of a form that is sent, in bytes and fields. One that brings a document, a
// policy or an import, may have more; what is larger still goes by the API or the
// command line.
const (
	maxForm     = 256 << 10
	maxDocument = 16 << 20
	maxFields   = 2_000
)

// Documents lets the forms of a path bring documents, see Visit.Document.
func (a *Area) Documents(path string) { a.documents[path] = true }

// Imports is Documents where an import is worked on, which has more time than other
// pages. It comes before the page is added.
func (a *Area) Imports(path string) {
	a.Documents(path)
	a.imports[path] = true
}

// Reopens says that a form of a path that comes without its secrets is shown again, to
// have them entered: so a step-up goes on with what else was in it.
func (a *Area) Reopens(path string) { a.reopens[path] = true }

// Twice answers forms of a path whose session the same form, sent before, has ended. What
// h fails at is answered as if there were no h: the session has ended.
func (a *Area) Twice(path string, h func(v *Visit) error) { a.twice[path] = h }

// again answers a form that came twice, if this is one.
func (v *Visit) again() bool {
	h := v.area.twice[chi.RouteContext(v.Context()).RoutePattern()]
	if h == nil || v.parse() != nil {
		return false
	}
	v.W.Header().Del("Set-Cookie") // which would forget the session that came with the answer before
	return h(v) == nil
}

// known tells whether somebody has a session, or comes from a browser that people have
// logged in with: a stranger, who costs nothing to be, sends no documents.
func (v *Visit) known() bool {
	if v.Session != nil {
		return true
	}
	id, err := v.area.Login.KnownDevice(v.Context())
	return err == nil && id != ""
}

// parse reads the form, whole, and refuses what is none.
func (v *Visit) parse() error {
	limit := int64(maxForm)
	small := v.R.ContentLength >= 0 && v.R.ContentLength <= maxForm // whoever sends it
	if at := chi.RouteContext(v.Context()).RoutePattern(); v.area.documents[at] && !small && v.known() {
		limit = maxDocument
	}
	v.R.Body = http.MaxBytesReader(v.W, v.R.Body, limit)
	media, _, _ := mime.ParseMediaType(v.R.Header.Get("Content-Type"))
	var err error
	switch media {
	case "application/x-www-form-urlencoded":
		err = v.R.ParseForm()
	case "multipart/form-data":
		err = v.R.ParseMultipartForm(limit)
	default:
		return &model.Error{Code: model.CodeUnsupportedMedia}
	}
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return model.Errorf(model.CodeTooLarge, "the form has more than %d bytes", limit)
	}
	if err != nil {
		return model.Errorf(model.CodeInvalidRequest, "the form cannot be read").Because(err)
	}
	if v.R.MultipartForm != nil {
		defer v.R.MultipartForm.RemoveAll()
		if err := v.readFiles(); err != nil {
			return err
		}
	}
	n := 0
	for name, values := range v.R.PostForm {
		n += len(values)
		for _, value := range values {
			if !utf8.ValidString(value) || strings.ContainsRune(value, 0) || !utf8.ValidString(name) {
				return model.Errorf(model.CodeInvalidRequest, "the form has text that is not valid UTF-8")
			}
		}
	}
	if n > maxFields {
		return model.Errorf(model.CodeTooLarge, "the form has more than %d fields", maxFields)
	}
	return nil
}

// readFiles takes each file for the text of the field of its name, where one was chosen.
func (v *Visit) readFiles() error {
	for name, files := range v.R.MultipartForm.File {
		for _, file := range files {
			if file.Size == 0 {
				continue
			}
			f, err := file.Open()
			if err != nil {
				return err
			}
			b, err := io.ReadAll(f)
			f.Close()
			if err != nil {
				return err
			}
			v.R.PostForm.Set(name, strings.TrimPrefix(string(b), "\uFEFF"))
		}
	}
	return nil
}

// Document is a field that holds a document, with LF line ends whatever a browser made
// of them. A form has a field for a text and one for a file by the same name: of a file
// that was not chosen browsers send an empty one.
func (v *Visit) Document(name string) string {
	for _, text := range v.R.PostForm[name] {
		if text != "" {
			return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
		}
	}
	return ""
}
