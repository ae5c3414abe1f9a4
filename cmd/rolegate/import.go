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
				fmt.Fprintln(w, verb, strings.Join([]string{count(res.Subjects, "subject"), count(res.Teams, "team"), count(res.Units, "unit"),
					count(res.Territories, "territory"), count(res.Roles, "role"), count(res.Assignments, "assignment"), count(res.Resources, "resource")}, ", "))
			})
		},
	}
	cmd.Flags().BoolVar(&r.DryRun, "dry-run", false, "check everything and change nothing")
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why; required when it gives an office in a tenant that has administrators")
	return c.tenantFlag(cmd)
}
