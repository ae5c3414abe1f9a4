package server

import (
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5/middleware"
)

// heads has pages answer a HEAD as the GET it stands for (RFC 9110 section 9.3.2);
// net/http leaves the body out. It needs no route: whoever may see the page may ask.
// What programs call answers the methods of the contract alone.
func heads(next http.Handler) http.Handler {
	asGet := middleware.GetHead(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ofProgram(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		asGet.ServeHTTP(w, r)
	})
}

// withHead adds HEAD to the methods that a page's path answers.
func withHead(r *http.Request, allowed []string) []string {
	at := slices.Index(allowed, http.MethodGet)
	if at < 0 || ofProgram(r.URL.Path) || slices.Contains(allowed, http.MethodHead) {
		return allowed
	}
	return slices.Insert(allowed, at+1, http.MethodHead)
}
