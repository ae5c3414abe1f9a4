package model

import (
	"errors"
	"fmt"
	"testing"
)

func TestCodeOf(t *testing.T) {
	cause := errors.New("disk on fire")
	wrapped := fmt.Errorf("append: %w", Errorf(CodeAuditUnavailable, "the record could not be written").Because(cause))
	for _, c := range []struct {
		err  error
		want Code
	}{
		{nil, ""},
		{cause, CodeInternal},
		{wrapped, CodeAuditUnavailable},
	} {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("CodeOf(%v) = %q, want %q", c.err, got, c.want)
		}
	}
	if !errors.Is(wrapped, cause) {
		t.Error("the cause is lost")
	}
}

func TestDetailsSayWhere(t *testing.T) {
	for want, d := range map[string]Detail{
		"why": {Reason: Say("why")},
		// What was written must not command the terminal it is shown in.
		`"\x1b[31ma.b": why`: {Path: "\x1b[31ma.b", Reason: Say("why")},
		`"a\nb": why`:        {Path: "a\nb", Reason: Say("why")},
		`"a\u202eb": why`:    {Path: "a\u202eb", Reason: Say("why")},
		"客户.金额[2] x: why":    {Path: "客户.金额[2] x", Reason: Say("why")},
		"a.b: why":           {Path: "a.b", Reason: Say("why")},
		"12: why":            {Line: 12, Reason: Say("why")},
		"12:4: why":          {Line: 12, Column: 4, Reason: Say("why")},
		"12:4: a.b: why":     {Path: "a.b", Line: 12, Column: 4, Reason: Say("why")},
	} {
		if got := d.String(); got != want {
			t.Errorf("%+v: %q, want %q", d, got, want)
		}
	}
}
