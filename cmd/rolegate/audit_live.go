package main

import (
	"errors"
	"fmt"

	"rolegate/internal/app"
)

// verifyLive has the log verified where it is, and waits for it. What an auditor has
// kept does not go to whoever is audited.
func (c *cli) verifyLive(k keptFiles) error {
	if k.policy != "" || k.key != "" || k.receipts != "" || len(k.known) > 0 {
		return usageError{errors.New("--live takes nothing that was kept: export a bundle, and verify that with it")}
	}
	cfg, err := c.config()
	if err != nil {
		return err
	}
	for told := int64(-1); ; {
		a, err := app.VerifyLog.Do(c.command.Context(), cfg, app.None{})
		if err != nil {
			return err
		}
		if !a.Running {
			return c.verified(a.Pass.Report)
		}
		if a.Done != told {
			told = a.Done
			fmt.Fprintf(c.stderr, "%d of %d entries\n", a.Done, a.Size)
		}
	}
}
