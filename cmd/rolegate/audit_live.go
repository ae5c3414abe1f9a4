package main

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
	"rolegate/internal/audit/selfverify"
	"rolegate/internal/audit/verify"
	"rolegate/model"
)

// liveFlags are those of verifying the log where it is.
type liveFlags struct {
	on             bool
	accept, reason string
}

func (l *liveFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&l.on, "live", false, "verify the log of the service itself")
	f.StringVar(&l.accept, "accept", "", "with --live: these findings, as a run before has named them, shall be no alarm any more")
	f.StringVar(&l.reason, "reason", "", "with --accept: why; it is recorded")
}

func (l *liveFlags) check(args int) error {
	switch {
	case l.on != (args == 0):
		return usageError{errors.New("either a bundle or --live")}
	case l.accept != "" && !l.on:
		return usageError{errors.New("--accept goes with --live")}
	}
	return nil
}

// verifyLive has the log verified where it is. What an auditor has kept does not go
// to whoever is audited.
func (c *cli) verifyLive(k keptFiles, l liveFlags) error {
	if k.policy != "" || k.key != "" || k.receipts != "" || len(k.known)+len(k.proofs) > 0 {
		return usageError{errors.New("--live takes nothing that was kept: export a bundle, and verify that with it")}
	}
	cfg, err := c.config()
	if err != nil {
		return err
	}
	pass, err := c.livePass(cfg)
	if err != nil {
		return err
	}
	if l.accept != "" {
		if pass, err = c.accept(cfg, pass, l); err != nil {
			return err
		}
	}
	if c.json {
		writeJSON(c.stdout, liveReport{pass.Report, findingsName(pass.Report), pass.Accepted})
	} else {
		printVerified(c.stdout, pass.Report)
		c.sayFindings(pass)
	}
	if pass.Report.Status != verify.OK {
		return exitStatus(pass.Report.Status)
	}
	return nil
}

// liveReport is a report with the name of its findings.
type liveReport struct {
	verify.Report
	Findings string `json:"findings,omitempty"`
	Accepted bool   `json:"accepted,omitempty"`
}

// findingsName is short for findings: who types it has seen them. There is none of no
// findings.
func findingsName(r verify.Report) string {
	if r.Status <= verify.Unanchored {
		return ""
	}
	return hex.EncodeToString(selfverify.Digest(r)[:8])
}

// accept answers for what a run before has shown, if it is that and no more. The pass
// after it ends the alarm.
func (c *cli) accept(cfg app.Config, pass *selfverify.Pass, l liveFlags) (*selfverify.Pass, error) {
	if findingsName(pass.Report) != l.accept {
		return nil, model.Errorf(model.CodeConflict, "what is found is not %s; run `rolegate audit verify --live`, and look at it", l.accept)
	}
	if pass.Report.Partial {
		return nil, model.Errorf(model.CodeConflict, "what is found kept the rest of the log from being verified, and nobody can answer for what was not read")
	}
	if _, err := app.AcceptLog.Do(c.command.Context(), cfg, app.Acceptance{Acceptance: selfverify.AcceptanceOf(pass.Report), Reason: l.reason}); err != nil {
		return nil, err
	}
	return c.livePass(cfg)
}

func (c *cli) sayFindings(pass *selfverify.Pass) {
	name := findingsName(pass.Report)
	if name == "" {
		return
	}
	if pass.Accepted {
		fmt.Fprintf(c.stdout, "\nSomebody has answered for these findings, %s: they are no alarm. See the entry audit_verify_accept.\n", name)
		return
	}
	fmt.Fprintf(c.stdout, "\nThese findings are %s. See \"The log does not verify\" in docs/operations.md; once they are explained, and cannot be\nput right, --accept %s --reason … ends their alarm.\n", name, name)
}

// livePass asks for a pass and waits for it.
func (c *cli) livePass(cfg app.Config) (*selfverify.Pass, error) {
	for told := int64(-1); ; {
		a, err := app.VerifyLog.Do(c.command.Context(), cfg, app.None{})
		if err != nil {
			return nil, err
		}
		if !a.Running {
			return a.Pass, nil
		}
		if a.Done != told {
			told = a.Done
			fmt.Fprintf(c.stderr, "%d of %d entries\n", a.Done, a.Size)
		}
	}
}
