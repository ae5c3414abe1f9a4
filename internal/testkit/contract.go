package testkit

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"rolegate/api"
)

// contract is api/openapi.yaml, ready to look routes up in.
var contract = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		return nil, err
	}
	doc.Servers = nil // whatever port a test listens on
	return legacy.NewRouter(doc)
})

func init() { openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.PlainBodyDecoder) }

// OfAPI tells the API's paths from those of pages, which no contract is about.
func OfAPI(path string) bool {
	for _, begins := range []string{"/v1/", "/access/", "/oauth2/", "/.well-known/", "/healthz"} {
		if strings.HasPrefix(path, begins) {
			return true
		}
	}
	return false
}

// CheckContract holds a live answer against api/openapi.yaml: its status, media
// type and body must be among those the contract promises for the route.
func CheckContract(t testing.TB, req *http.Request, a Answer) {
	t.Helper()
	router, err := contract()
	if err != nil {
		t.Fatalf("api/openapi.yaml: %v", err)
	}
	route, params, err := router.FindRoute(req)
	if err != nil {
		if a.Status != http.StatusNotFound && a.Status != http.StatusMethodNotAllowed && OfAPI(req.URL.Path) {
			t.Errorf("%s %s answers %d and is not in the contract", req.Method, req.URL.Path, a.Status)
		}
		return
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 a.Status, Header: a.Header, Body: io.NopCloser(strings.NewReader(string(a.Raw))),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	if err := openapi3filter.ValidateResponse(context.Background(), in); err != nil {
		t.Errorf("%s %s: the answer breaks the contract: %v\n%s", req.Method, req.URL.Path, err, a.Raw)
	}
}
