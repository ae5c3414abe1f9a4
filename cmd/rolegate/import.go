package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
	"rolegate/internal/directory"
)

func (c *cli) importFile() *cobra.Command {
	var r app.FileRequest
	cmd := &cobra.Command{
		Use: "import FILE.json", Short: "import subjects, teams, units, territories, roles, assignments, resources", Args: cobra.ExactArgs(1),
		Long: "Imports a directory file: all or nothing, twice is the same as once, every bad entry named.\nIts form is in docs/operations.md; - reads standard input.",
		RunE: func(_ *cobra.Command, args []string) (err error) {
			r.Tenant = c.tenant
			if r.Text, err = readFile(args[0]); err != nil {
				return err
			}
			return do(c, app.ImportDirectory, r, func(w io.Writer, res directory.ImportResult) {
				verb := "imported"
				if res.DryRun {
					verb = "would import"
				}
				all := []directory.Counts{res.Subjects, res.Teams, res.Units, res.Territories, res.Roles, res.Assignments, res.Resources}
				var parts []string
				var sum directory.Counts
				for i, c := range all {
					parts = append(parts, count(c.Total(), []string{"subject", "team", "unit", "territory", "role", "assignment", "resource"}[i]))
					sum.Created, sum.Changed, sum.Unchanged = sum.Created+c.Created, sum.Changed+c.Changed, sum.Unchanged+c.Unchanged
				}
				fmt.Fprintln(w, verb, strings.Join(parts, ", "))
				fmt.Fprintf(w, "%d created, %d changed, %d unchanged\n", sum.Created, sum.Changed, sum.Unchanged)
			})
		},
	}
	cmd.Flags().BoolVar(&r.DryRun, "dry-run", false, "check everything and change nothing")
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why; required when it gives an office in a tenant that has administrators")
	return c.tenantFlag(cmd)
}
