package main

import "github.com/spf13/cobra"

func (c *cli) audit() *cobra.Command {
	return group("audit", "the log: hand it to an auditor, and verify it without trusting whoever keeps it",
		c.auditExport(), c.auditVerify())
}
