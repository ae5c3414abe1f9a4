package main

import "github.com/spf13/cobra"

func (c *cli) audit() *cobra.Command {
	return group("audit", "the log: what happened, and who has read of it",
		c.auditSearch(), c.auditShow())
}
