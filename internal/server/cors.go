package server

import (
	"net/http"
	"slices"

	"github.com/go-chi/cors"
)

// cors lets the pages of the CRM frontends that were named call what forPages says
// from a browser, and nothing else. Origins are compared exactly. A
// browser may send the cookie of a known device along, and keep one: it proves
// nothing, so that a page which makes it send one has gained nothing.
func (s *Server) cors() func(http.Handler) http.Handler {
	if len(s.CORSOrigins) == 0 {
		return func(next http.Handler) http.Handler { return next }
	}
	allow := cors.Handler(cors.Options{
		AllowOriginFunc: func(_ *http.Request, origin string) bool { return slices.Contains(s.CORSOrigins, origin) },
		AllowedMethods:  []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete},
		AllowedHeaders:  []string{"Authorization", "Content-Type", "Accept-Language", "X-Request-ID", deviceHeader},
		ExposedHeaders:  []string{"X-Request-ID", "Retry-After", "Content-Language", "WWW-Authenticate", deviceHeader, revisionHeader, indexHeader, leafHashHeader},
		MaxAge:          600,

		AllowCredentials: true,
	})
	return func(next http.Handler) http.Handler {
		shared := allow(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if forPages(r.URL.Path) {
				shared.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}
