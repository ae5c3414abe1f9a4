package requirements

import (
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// addresses of the log's routes that need more than a number in their pattern.
var addresses = map[string]string{
	"/v1/audit/entries/{index}":   "/v1/audit/entries/250", // the first ones are of no tenant
	"/v1/audit/proof/consistency": "/v1/audit/proof/consistency?from=1",
	"/v1/audit/tile/entries/*":    "/v1/audit/tile/entries/000",
	"/v1/audit/tile/{level}/*":    "/v1/audit/tile/0/000",
}

// readTheLog goes to each route by which the log is read, as its auditor, once there
// is a full tile of it. What a checkpoint has to cover first is asked for again.
func (s *story) readTheLog(aud *testkit.Person, client string) {
	s.t.Helper()
	for {
		size, err := s.App.Store.LogSize(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		if size > 256 {
			break
		}
		s.want(200, "POST", "/access/v1/evaluation", client, object{"subject": object{"type": "user", "id": annID}, "action": object{"name": "read"}, "resource": object{"type": "contact", "id": contactID}})
	}
	number := regexp.MustCompile(`\{[^}]*\}`)
	for _, r := range s.routes {
		if r.method != "GET" || !strings.HasPrefix(r.pattern, "/v1/audit/") {
			continue
		}
		address := addresses[r.pattern]
		if address == "" {
			address = number.ReplaceAllString(r.pattern, "0")
		}
		for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(100 * time.Millisecond) {
			if a := s.call("GET", address, aud.Access, nil); a.Status < 300 || time.Now().After(deadline) {
				break
			}
		}
	}
}

// asked are the requests of operations on the log that need any.
var asked = map[string]any{"log-resume": object{"Reason": because}, "audit-accept": object{"Reason": because}}

// operationsOnTheLog asks for each of them by its name, through the socket; some are
// refused, as there is nothing to resume. An export is asked for as what it is.
func (s *story) operationsOnTheLog() {
	s.t.Helper()
	for _, export := range []app.LogExport{{}, {Tenant: tenant, To: "100"}, {Tenant: strangerMail}} {
		_, err := app.ExportLog.Do(s.t.Context(), s.Config, export, func(r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		})
		if (err != nil) != (export.Tenant == strangerMail) {
			s.t.Errorf("export %+v: %v", export, err)
		}
	}
	s.operations[app.ExportLog.Name]++
	for _, name := range operationsOf(s.t) {
		if name == app.ExportLog.Name || !strings.HasPrefix(name, "log-") && !strings.HasPrefix(name, "audit-") {
			continue
		}
		body, err := json.Marshal(asked[name])
		if err != nil {
			s.t.Fatal(err)
		}
		if asked[name] == nil {
			body = []byte(`{"Tenant":"` + tenant + `"}`)
		}
		op := app.Operation[json.RawMessage, json.RawMessage]{Name: name}
		if _, err := op.Do(s.t.Context(), s.Config, body); model.CodeOf(err) == model.CodeInternal {
			s.t.Errorf("%s: %v", name, err)
		}
		s.operations[name]++
	}
}
