package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
)

func (c *cli) audit() *cobra.Command {
	return group("audit", "the log: what happened and who has read of it, its key and checkpoints, and what an auditor verifies",
		c.auditSearch(), c.auditShow(), c.auditExport(), c.auditVerify(), c.auditKey(), c.auditCheckpoint(), c.auditResume())
}

func (c *cli) auditKey() *cobra.Command {
	return &cobra.Command{
		Use: "key", Short: "print the public key that verifies the log's checkpoints", Args: cobra.NoArgs,
		Long: "Prints the log's verifier key (C2SP signed-note): its name, a hash, and an Ed25519 public key. It is no secret.\nThe line alone goes to standard output, so that it can be kept in a file or given to `audit verify --key`.\nThe key is made at first use, and the log's name with it, from ROLEGATE_ISSUER as it is then.",
		RunE: func(*cobra.Command, []string) error {
			return do(c, app.LogKey, app.None{}, func(w io.Writer, k app.LogName) {
				fmt.Fprintln(w, k.VKey)
				fmt.Fprintf(c.stderr, `
Give this line to whoever audits you, by a way that does not lead through this machine. An auditor writes it down,
and with it, and nothing else of yours, verifies the checkpoints of %s
and everything they cover. A key that changes, or a log that begins anew under another one, is a reason to ask why.
`, k.Origin)
			})
		},
	}
}

func (c *cli) auditCheckpoint() *cobra.Command {
	return &cobra.Command{
		Use: "checkpoint", Short: "print the latest checkpoint of the log, made now if it has grown", Args: cobra.NoArgs,
		Long: "Prints a signed note (C2SP tlog-checkpoint) over all entries of the log. Whoever keeps it, outside of this\nmachine, can show later whether what it covers was altered.",
		RunE: func(*cobra.Command, []string) error {
			return do(c, app.CheckpointLog, app.None{}, func(w io.Writer, p app.LogCheckpoint) { fmt.Fprint(w, p.Note) })
		},
	}
}

func (c *cli) auditResume() *cobra.Command {
	var r app.ResumeRequest
	cmd := &cobra.Command{
		Use: "resume", Short: "make checkpoints again after the log was found not to be the one that was published", Args: cobra.NoArgs,
		Long: `Rolegate signs nothing more once the log in the database is not the continuation of what it has published: a backup
was restored, or somebody has altered it. Find out which before you run this: docs/operations.md, "Checkpoints".
Checkpoints go on from what is stored now; whoever holds an earlier one may see a forged log, and be told why. A log
that does not agree with itself, where an entry is altered or gone, gets none: put that back first. Where the log's
head was altered by hand all entries are read, and the head is made anew of them.`,
		RunE: func(*cobra.Command, []string) error {
			return do(c, app.ResumeLog, r, func(w io.Writer, _ app.None) {
				fmt.Fprintln(w, "checkpoints are made again, of the log as it is stored; the act and its reason are recorded.")
			})
		},
	}
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why; it is recorded")
	return cmd
}
