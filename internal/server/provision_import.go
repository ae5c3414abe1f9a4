package server

import (
	"net/http"
	"time"

	"rolegate/internal/i18n"
	"rolegate/model"
)

// importTimeout is the time of an import, and of reading it.
const importTimeout = 55 * time.Second

// What imports may take of memory together: so many files are held at once, and
// of so many also what is in them. Whoever comes when all places are taken is
// told to come again.
const (
	maxFiles   = 8
	maxImports = 2
)

// slowly gives an endpoint the time of an import.
func slowly(e endpoint) endpoint {
	h := e.HandlerFunc
	e.HandlerFunc = func(w http.ResponseWriter, r *http.Request) {
		exchangeOf(r.Context()).limit(importTimeout)
		h(w, r)
	}
	return e
}

// importer answers an import: the file of the command line's, whole or not at
// all.
func (s *Server) importer() func(http.ResponseWriter, *http.Request, model.Caller) error {
	files, places := make(chan struct{}, maxFiles), make(chan struct{}, maxImports)
	return func(w http.ResponseWriter, r *http.Request, caller model.Caller) error {
		values, err := query(r, "dry_run")
		if err != nil {
			return err
		}
		dryRun, err := yesOrNo(values, "dry_run")
		if err != nil {
			return err
		}
		select {
		case files <- struct{}{}:
			defer func() { <-files }()
		default:
			return model.Errorf(model.CodeBusy, "%d imports are going on already", maxFiles)
		}
		file, err := s.readFile(w, r)
		if err != nil {
			return err
		}
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		case <-r.Context().Done():
			return r.Context().Err()
		}
		res, err := s.Provisioning.Import(r.Context(), caller, caller.Tenant, file, dryRun, "")
		if err != nil {
			return err
		}
		return reply(w, http.StatusOK, res)
	}
}

// moreTime gives a body the time of an import: the listener's own is that of small ones.
// Where it cannot be moved, it stays.
func moreTime(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(importTimeout))
}

// readFile reads a body of JSON that holds a file, as large as one may be.
func (s *Server) readFile(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	moreTime(w)
	n := s.Limits.Policy
	return readJSON(nil, r, model.CodeUnsupportedMedia, bodyLimit{n, overSetting(model.CodeTooLarge, i18n.RequestTooLarge, "", model.SettingPolicy, n)})
}
