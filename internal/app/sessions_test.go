package app_test

import (
	"strings"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/login"
	"rolegate/model"
)

func TestSessionSettings(t *testing.T) {
	c, err := app.ReadConfig(nil)
	if err != nil || c.Validate() != nil {
		t.Fatal(err, c.Validate())
	}
	if c.SessionIdle != login.RefreshTTL || c.SessionMax != login.SessionTTL || c.MaxSessions != login.MaxSessions || c.HistoryDays != 90 {
		t.Errorf("without settings: %s, %s, %d, %d", c.SessionIdle, c.SessionMax, c.MaxSessions, c.HistoryDays)
	}
	for setting, good := range map[string]bool{
		"ROLEGATE_SESSION_IDLE=10m": true, "ROLEGATE_SESSION_IDLE=9m59s": false, "ROLEGATE_SESSION_IDLE=8h": true,
		"ROLEGATE_SESSION_IDLE=24h": true, "ROLEGATE_SESSION_IDLE=24h1s": false, "ROLEGATE_SESSION_IDLE=0s": false, "ROLEGATE_SESSION_IDLE=-1h": false,
		"ROLEGATE_SESSION_MAX=1h": true, "ROLEGATE_SESSION_MAX=59m": false, // below the idle limit
		"ROLEGATE_SESSION_MAX=168h": true, "ROLEGATE_SESSION_MAX=168h1s": false,
		"ROLEGATE_MAX_SESSIONS=1": true, "ROLEGATE_MAX_SESSIONS=0": false, "ROLEGATE_MAX_SESSIONS=-1": false, "ROLEGATE_MAX_SESSIONS=1001": false,
		"ROLEGATE_HISTORY_DAYS=1": true, "ROLEGATE_HISTORY_DAYS=0": false, "ROLEGATE_HISTORY_DAYS=3651": false,
	} {
		c, err := app.ReadConfig([]string{setting})
		if err != nil {
			t.Fatal(err)
		}
		err = c.Validate()
		if good != (err == nil) || err != nil && (model.CodeOf(err) != model.CodeSettingInvalid || !strings.Contains(err.Error(), "ROLEGATE_")) {
			t.Errorf("%s: %v", setting, err)
		}
	}
	c, err = app.ReadConfig([]string{"ROLEGATE_SESSION_IDLE=10m", "ROLEGATE_SESSION_MAX=10m"})
	if err != nil || c.Validate() != nil || c.SessionMax != 10*time.Minute {
		t.Error(err, c.Validate())
	}
}
