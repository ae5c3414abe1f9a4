package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
	"rolegate/internal/directory"
)

func (c *cli) users() *cobra.Command {
	return group("user", "people who can log in", c.userAdd(), c.userInvite(), c.userList(), c.userImport(), c.userDisable(), c.userEnable(), c.userUnlock(), c.userEndSessions(), c.userAssign(), c.userUnassign())
}

func (c *cli) userAdd() *cobra.Command {
	var r app.UserRequest
	cmd := &cobra.Command{
		Use: "add ID", Short: "make a user, give roles, and print a one-time invitation", Args: cobra.ExactArgs(1),
		Example: "  rolegate user add alice --role sales-rep",
		RunE: func(_ *cobra.Command, args []string) error {
			r.Tenant, r.User = c.tenant, args[0]
			return do(c, app.AddUser, r, printInvitation(args[0]))
		},
	}
	cmd.Flags().StringVar(&r.Username, "username", "", "login name (default: the id)")
	cmd.Flags().StringSliceVar(&r.Roles, "role", nil, "role to give; may be repeated")
	expiresIn(cmd, &r)
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why, when it gives an office in a tenant that has administrators")
	return c.tenantFlag(cmd)
}

func (c *cli) userInvite() *cobra.Command {
	var r app.UserRequest
	cmd := &cobra.Command{
		Use: "invite ID", Short: "print a new invitation; older ones end", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			r.Tenant, r.User = c.tenant, args[0]
			return do(c, app.InviteUser, r, printInvitation(args[0]))
		},
	}
	expiresIn(cmd, &r)
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why; required for the holder of an office in a tenant that has administrators")
	return c.tenantFlag(cmd)
}

func expiresIn(cmd *cobra.Command, r *app.UserRequest) {
	cmd.Flags().DurationVar(&r.TTL, "expires-in", directory.InviteTTL, "how long the invitation may wait, 720h at the most")
}

func printInvitation(user string) func(io.Writer, directory.Invitation) {
	return func(w io.Writer, inv directory.Invitation) {
		fmt.Fprintf(w, "%s is invited until %s. Pass this link on over a channel you trust; it works once\nand is not shown again:\n\n  %s\n", user, date(inv.ExpiresAt), inv.URL)
	}
}

func (c *cli) userList() *cobra.Command {
	r := app.UserRequest{}
	cmd := &cobra.Command{
		Use: "list", Short: "list users by id", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			r.Tenant = c.tenant
			if r.Limit < 1 {
				return usageError{fmt.Errorf("--limit %d lists nothing; it is at least 1", r.Limit)}
			}
			return do(c, app.ListUsers, r, func(w io.Writer, us []app.UserInfo) {
				var rows [][]string
				for _, u := range us {
					rows = append(rows, []string{u.User, u.Username, yes(u.Password), yes(u.Disabled), date(u.CreatedAt)})
				}
				table(w, "USER USERNAME PASSWORD-SET DISABLED CREATED", rows)
				if len(us) == r.Limit {
					fmt.Fprintf(w, "\nmore with --after %s\n", us[len(us)-1].User)
				}
			})
		},
	}
	cmd.Flags().StringVar(&r.After, "after", "", "list users with an id after this one")
	cmd.Flags().IntVar(&r.Limit, "limit", 1000, "list at most so many")
	return c.tenantFlag(cmd)
}

func (c *cli) userImport() *cobra.Command {
	var r app.FileRequest
	cmd := &cobra.Command{
		Use: "import FILE.json", Short: "import users with the hashes of their passwords, from a system that is left behind", Args: cobra.ExactArgs(1),
		Long: "Imports users who keep the password they have elsewhere: all or nothing, every bad entry named. Nobody who has a\npassword here gets another. The file's form is in docs/operations.md; - reads standard input.",
		RunE: func(_ *cobra.Command, args []string) (err error) {
			r.Tenant = c.tenant
			if r.Text, err = readFile(args[0]); err != nil {
				return err
			}
			return do(c, app.ImportUsers, r, func(w io.Writer, res directory.ImportedUsers) {
				verb := "imported"
				if res.DryRun {
					verb = "would import"
				}
				fmt.Fprintln(w, verb, count(res.Users, "user"))
			})
		},
	}
	cmd.Flags().BoolVar(&r.DryRun, "dry-run", false, "check everything and change nothing")
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why; required in a tenant that has administrators")
	return c.tenantFlag(cmd)
}

func (c *cli) userDisable() *cobra.Command {
	return c.userSetDisabled("disable ID", "refuse a user and end all sessions at once", true, "%s is disabled and every session has ended")
}

func (c *cli) userEnable() *cobra.Command {
	return c.userSetDisabled("enable ID", "let a disabled user log in again", false, "%s can log in again")
}

func (c *cli) userUnlock() *cobra.Command {
	var r app.UserRequest
	cmd := &cobra.Command{
		Use: "unlock ID", Short: "forget wrong passwords and codes, so that a user who is locked out can log in", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			r.Tenant, r.User = c.tenant, args[0]
			return do(c, app.UnlockUser, r, say("%s can try again", args[0]))
		},
	}
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why; recorded")
	return c.tenantFlag(cmd)
}

func (c *cli) userSetDisabled(use, short string, disabled bool, done string) *cobra.Command {
	var r app.UserRequest
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			r.Tenant, r.User, r.Disabled = c.tenant, args[0], disabled
			return do(c, app.SetUserDisabled, r, say(done, args[0]))
		},
	}
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why; recorded")
	return c.tenantFlag(cmd)
}

func (c *cli) userEndSessions() *cobra.Command {
	var r app.UserRequest
	cmd := &cobra.Command{
		Use: "end-sessions ID", Short: "log a user out everywhere, at once", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			r.Tenant, r.User = c.tenant, args[0]
			return do(c, app.EndSessions, r, func(w io.Writer, e app.EndedSessions) {
				fmt.Fprintf(w, "%s of %s ended\n", count(e.Ended, "session"), args[0])
			})
		},
	}
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why; recorded")
	return c.tenantFlag(cmd)
}

func (c *cli) userAssign() *cobra.Command {
	return c.assignment("assign ID --role ROLE", "give a user a role", func(args []string, r *app.RoleRequest) { r.Member = args[0] }, true, app.Assign)
}

func (c *cli) userUnassign() *cobra.Command {
	return c.assignment("unassign ID --role ROLE", "take a role away; felt at the next decision", func(args []string, r *app.RoleRequest) { r.Member = args[0] }, true, app.Unassign)
}
