package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
	"rolegate/internal/directory"
)

func (c *cli) roles() *cobra.Command {
	both := func(args []string, r *app.RoleRequest) { r.Role, r.Member = args[0], args[1] }
	unassign := c.assignment("unassign ROLE MEMBER", "take a role away; felt at the next decision", both, false, app.Unassign)
	unassign.Aliases = []string{"revoke"}
	return group("role", "roles and who holds them",
		c.rolePut("add ROLE", "add a role", true), c.rolePut("set ROLE", "change a role's mark", false), c.roleList(), c.roleRemove(),
		c.assignment("assign ROLE MEMBER", "give a user, another subject or a team (team:ID) a role", both, false, app.Assign), unassign)
}

func (c *cli) rolePut(use, short string, create bool) *cobra.Command {
	r := app.RoleRequest{Create: create}
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		Long: strings.ToUpper(short[:1]) + short[1:] + ".\n" + notAfterPeople("Names of roles"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !create && !cmd.Flags().Changed("require-mfa") {
				return usageError{fmt.Errorf("nothing to set: give --require-mfa or --require-mfa=false")}
			}
			r.Tenant, r.Role = c.tenant, args[0]
			return do(c, app.PutRole, r, say("role %s: its holders need a second factor also where the tenant's mfa is by-role: %s", directory.Bare("role", args[0]), yes(r.RequireMFA)))
		},
	}
	cmd.Flags().BoolVar(&r.RequireMFA, "require-mfa", false, "its holders log in with a second factor, also where the tenant's mfa is by-role")
	if !create {
		cmd.Flags().StringVar(&r.Reason, "reason", "", "why; required with --require-mfa=false in a tenant that has administrators")
	}
	return c.tenantFlag(cmd)
}

// notAfterPeople is a warning of the help: what is not sealed cannot be erased.
func notAfterPeople(names string) string {
	return names + " stand in the log's entries in the clear and for ever: do not use those of people."
}

func (c *cli) roleRemove() *cobra.Command {
	return c.tenantFlag(&cobra.Command{
		Use: "remove ROLE", Short: "remove a role nobody holds", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return do(c, app.DeleteRole, app.RoleRequest{Tenant: c.tenant, Role: args[0]}, say("role %s is gone", directory.Bare("role", args[0])))
		},
	})
}

func (c *cli) roleList() *cobra.Command {
	return c.tenantFlag(&cobra.Command{
		Use: "list", Short: "list roles and their members", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return do(c, app.ListRoles, app.RoleRequest{Tenant: c.tenant}, func(w io.Writer, roles []app.RoleInfo) {
				var rows [][]string
				for _, r := range roles {
					var members []string
					for _, m := range r.Members {
						members = append(members, m.Member+window(m.From, m.Until))
					}
					rows = append(rows, []string{r.ID, yes(r.RequireMFA), strings.Join(members, " ")})
				}
				table(w, "ROLE REQUIRES-MFA MEMBERS", rows)
			})
		},
	})
}

func window(from, until time.Time) string {
	if from.IsZero() && until.IsZero() {
		return ""
	}
	return fmt.Sprintf("[%s…%s]", edge(from), edge(until))
}

// edge is one end of a window: "-" where it is open.
func edge(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// assignment is a command that gives or takes a role; name fills in what the
// arguments say, and byFlag takes the role from --role.
func (c *cli) assignment(use, short string, name func([]string, *app.RoleRequest), byFlag bool, op app.Operation[app.RoleRequest, app.Change]) *cobra.Command {
	var r app.RoleRequest
	var from, until string
	args := 2
	if byFlag {
		args = 1
	}
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(args),
		RunE: func(_ *cobra.Command, args []string) (err error) {
			r.Tenant = c.tenant
			name(args, &r)
			if r.From, err = instant("from", from); err != nil {
				return err
			}
			if r.Until, err = instant("until", until); err != nil {
				return err
			}
			if until != "" && r.Until.IsZero() { // which would be for ever
				return usageError{fmt.Errorf("--until %s is the zero time, which ends nothing", until)}
			}
			done := "%s holds %s%s"
			if op.Name == app.Unassign.Name {
				done = "%s no longer holds %s%s"
			}
			return do(c, op, r, say(done, directory.MemberKey(r.Member), "role:"+directory.Bare("role", r.Role), window(r.From, r.Until)))
		},
	}
	if byFlag {
		cmd.Flags().StringVar(&r.Role, "role", "", "the role")
		_ = cmd.MarkFlagRequired("role")
	}
	if op.Name == app.Assign.Name {
		cmd.Flags().StringVar(&from, "from", "", "from when, RFC 3339 (default: now on)")
		cmd.Flags().StringVar(&until, "until", "", "until when, RFC 3339, exclusive (default: for ever)")
	}
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why; required for an office in a tenant that has administrators")
	return c.tenantFlag(cmd)
}

func instant(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, usageError{fmt.Errorf("--%s %q is not an RFC 3339 time such as 2026-12-31T18:00:00Z", flag, s)}
	}
	return t.UTC(), nil
}
