package main

import (
	"strings"
	"testing"
	"time"

	"rolegate/api"
	"rolegate/internal/app"
)

// An entry that stands for many denials says so, in the list and by itself.
func TestCountedDenialsArePrinted(t *testing.T) {
	at := time.Date(2026, 11, 26, 8, 1, 0, 0, time.UTC)
	since := at.Add(-time.Minute)
	e := api.AuditEntry{Index: 7, Time: at, Class: "decision", Activity: "authz_evaluate", Outcome: "deny", Code: "not_granted", Count: 300, Since: &since}
	var list, one strings.Builder
	printLog(&list, app.LogPage{Entries: []api.AuditEntry{e}})
	printEntry(&one, e)
	if !strings.Contains(list.String(), "deny:not_granted×300") {
		t.Error(list.String())
	}
	for _, want := range []string{"2026-11-26 08:00:00.000000 UTC", "300"} {
		if !strings.Contains(one.String(), want) {
			t.Error(one.String())
		}
	}
	e.Since, list = nil, strings.Builder{}
	printLog(&list, app.LogPage{Entries: []api.AuditEntry{e}})
	if strings.Contains(list.String(), "×") {
		t.Error(list.String())
	}
}
