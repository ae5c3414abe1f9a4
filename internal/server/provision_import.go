package server

import (
	"net/http"
	"time"

	"rolegate/internal/i18n"
	"rolegate/model"
)

// importTimeout is the time of an import, and of reading it.
const importTimeout = 55 * time.Second

// maxImports is how many imports are worked on at once: each holds its file and
// all that is in it in memory.
const maxImports = 2

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
	places := make(chan struct{}, maxImports)
	return func(w http.ResponseWriter, r *http.Request, caller model.Caller) error {
		values, err := query(r, "dry_run")
		if err != nil {
			return err
		}
		dryRun := values["dry_run"] == "true"
		if v, there := values["dry_run"]; there && v != "true" && v != "false" {
			return invalid(i18n.QueryBool, "dry_run")
		}
		n := s.Limits.Policy
		file, err := readJSON(nil, r, model.CodeUnsupportedMedia, bodyLimit{n, overSetting(model.CodeTooLarge, i18n.RequestTooLarge, "", model.SettingPolicy, n)})
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
