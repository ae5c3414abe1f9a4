package app_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func TestAuditSetting(t *testing.T) {
	for value, ok := range map[string]bool{"": true, "durable": true, "buffered": true, "off": false, "none": false, "Buffered": false, "false": false} {
		c, err := app.ReadConfig([]string{"ROLEGATE_AUDIT=" + value})
		if err == nil {
			err = c.Validate()
		}
		if ok && err != nil || !ok && (model.CodeOf(err) != model.CodeSettingInvalid || !strings.Contains(err.Error(), "ROLEGATE_AUDIT")) {
			t.Errorf("ROLEGATE_AUDIT=%q: %v", value, err)
		}
	}
}

func TestBufferedServiceShowsItsQueue(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_AUDIT=buffered")
	res, err := http.Get(k.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`rolegate_audit_queue_length{queue="buffered"}`, `rolegate_audit_queue_length{queue="durable"}`,
		"rolegate_audit_batches_total", `rolegate_audit_refused_total{reason="full"} 0`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}
