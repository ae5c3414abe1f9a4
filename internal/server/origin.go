package server

import (
	"net/http"
	"net/url"

	"rolegate/internal/i18n"
	"rolegate/model"
)

// ownPages lets browsers call what people call from our own pages and from the
// origins that were named, and from nowhere else, whatever cookie goes along. Who
// is no browser says nothing of origins, and passes.
func (s *Server) ownPages() func(r *http.Request) error {
	return s.fromOrigins(i18n.ForeignOrigin, s.CORSOrigins...)
}

// fromOrigins is nil for requests of our own origin and those named, and of who is no
// browser; the others are told so.
func (s *Server) fromOrigins(refusal i18n.Input, named ...string) func(r *http.Request) error {
	check := http.NewCrossOriginProtection()
	u, err := url.Parse(s.Issuer)
	if err != nil { // the settings were checked
		panic(err)
	}
	for _, origin := range append([]string{u.Scheme + "://" + u.Host}, named...) {
		if err := check.AddTrustedOrigin(origin); err != nil {
			panic(err)
		}
	}
	return func(r *http.Request) error {
		if check.Check(r) != nil {
			return bad(model.CodeForbidden, refusal, "", nil)
		}
		return nil
	}
}
