package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
	"rolegate/model"
)

func (c *cli) init() *cobra.Command {
	var r app.InitRequest
	cmd := &cobra.Command{
		Use: "init", Short: "make the first tenant and one invitation for each of the three offices", Args: cobra.NoArgs,
		Long: `Makes the first tenant with the starter policy, and a one-time invitation for the
first holder of each office. The three must be different people:

  system-admin    users, clients, keys
  security-admin  role policies
  audit-admin     the log`,
		RunE: func(*cobra.Command, []string) error {
			r.Tenant = c.tenant
			return do(c, app.Init, r, func(w io.Writer, res app.InitResult) {
				fmt.Fprintf(w, "Tenant %s is ready. Pass each link on over a channel you trust; each works once and is not\nshown again:\n", res.Tenant)
				for _, inv := range res.Invitations {
					fmt.Fprintf(w, "\n  %s (%s), until %s\n  %s\n", inv.User, inv.Office, date(inv.ExpiresAt), inv.URL)
				}
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.SystemAdmin, "system-admin", model.SystemAdmin, "user id of the system administrator")
	f.StringVar(&r.SecurityAdmin, "security-admin", model.SecurityAdmin, "user id of the security administrator")
	f.StringVar(&r.AuditAdmin, "audit-admin", model.AuditAdmin, "user id of the audit administrator")
	return c.tenantFlag(cmd)
}
