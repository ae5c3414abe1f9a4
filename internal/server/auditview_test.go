package server

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/search"
	"rolegate/model"
)

// A count of a flood reads as one, and not as a single denial.
func TestEntryViewSaysSinceWhen(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	leaf := audit.Leaf{Version: 1, Time: at.Add(time.Minute).UnixMicro(), Outcome: audit.OutcomeDeny, Code: model.ReasonNotGranted, Count: 7, Since: at.UnixMicro()}
	text, err := json.Marshal(EntryView(&search.Entry{Leaf: leaf}, nil))
	if err != nil || !strings.Contains(string(text), `"count":7`) || !strings.Contains(string(text), `"since":"2026-11-26T12:00:00Z"`) {
		t.Errorf("%s, %v", text, err)
	}
	leaf.Count, leaf.Since = 0, 0
	if text, err = json.Marshal(EntryView(&search.Entry{Leaf: leaf}, nil)); err != nil || strings.Contains(string(text), "since") {
		t.Errorf("%s, %v", text, err)
	}
}
