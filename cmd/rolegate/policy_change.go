package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
	"rolegate/internal/policy"
)

func (c *cli) policyDrafts() *cobra.Command {
	return c.tenantFlag(&cobra.Command{
		Use: "drafts", Short: "list changes of the policy that are under way", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return do(c, app.ListDrafts, app.ChangeRequest{Tenant: c.tenant}, func(w io.Writer, ds []app.PolicyDraft) {
				var rows [][]string
				for _, d := range ds {
					rows = append(rows, []string{d.ID, string(d.State), strconv.FormatInt(d.Base, 10), d.EditedBy, date(d.EditedAt), d.Title})
				}
				table(w, "DRAFT STATE MADE-FROM EDITED-BY EDITED TITLE", rows)
			})
		},
	})
}

func (c *cli) policyPublish() *cobra.Command {
	r := app.ChangeRequest{}
	cmd := &cobra.Command{
		Use: "publish DRAFT", Short: "publish a draft that was approved", Args: cobra.ExactArgs(1),
		Long: `Publish a draft that was approved (policy drafts lists them). People do so on their pages or over HTTP; this is for the day on
which they cannot. The host approves nothing: where nobody can, policy import publishes a file. Where there are
administrators it takes --reason and is recorded as break_glass. It is refused if a case fails, or if the draft was made from
another policy than the one in force.`,
		RunE: func(_ *cobra.Command, args []string) error {
			r.Tenant, r.Draft = c.tenant, args[0]
			return do(c, app.PublishDraft, r, printPublished)
		},
	}
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why; required once the holder of an office has accepted an invitation")
	return c.tenantFlag(cmd)
}

func printPublished(w io.Writer, p policy.Published) {
	fmt.Fprintf(w, "published as revision %d: %s\n", p.Revision, counted(p.Rules, p.Links, p.Members))
	for _, m := range p.Unregistered {
		fmt.Fprintf(w, "note: %s is not registered; it holds its role from the day it is added\n", m)
	}
}

func (c *cli) policyRevisions() *cobra.Command {
	r := app.ChangeRequest{}
	cmd := &cobra.Command{
		Use: "revisions", Short: "list the policies that were published, the newest first", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if r.Limit < 1 {
				return usageError{fmt.Errorf("--limit %d lists nothing; it is at least 1", r.Limit)}
			}
			r.Tenant = c.tenant
			return do(c, app.ListRevisions, r, func(w io.Writer, ps []app.PolicyRevision) {
				var rows [][]string
				for _, p := range ps {
					approved := p.ApprovedBy
					if approved == "" {
						approved = "-"
					}
					rows = append(rows, []string{strconv.FormatInt(p.Revision, 10), date(p.CreatedAt), p.Author, approved, p.Reason})
				}
				table(w, "REVISION PUBLISHED BY APPROVED-BY REASON", rows)
			})
		},
	}
	cmd.Flags().IntVar(&r.Limit, "limit", 20, "list so many")
	return c.tenantFlag(cmd)
}

func (c *cli) policyRollback() *cobra.Command {
	r := app.ChangeRequest{}
	var look bool
	cmd := &cobra.Command{
		Use: "rollback REVISION", Short: "put an earlier policy in force again, as a new revision", Args: cobra.ExactArgs(1),
		Long: `Publish the policy of an earlier revision again, with the cases kept with it (policy revisions lists them; policy export
--revision N prints one), and print what is remarkable about it: what opens by it, and rows that do nothing. With --dry-run nothing is
published, and what would change is printed as well. Where there are administrators it is recorded as break_glass.`,
		RunE: func(_ *cobra.Command, args []string) (err error) {
			if r.Revision, err = strconv.ParseInt(args[0], 10, 64); err != nil || r.Revision < 1 {
				return usageError{fmt.Errorf("%q is no number of a revision", args[0])}
			}
			r.Tenant = c.tenant
			file := "revision " + args[0]
			op := app.RollBackPolicy
			if look {
				op = app.LookBack
			}
			return c.badRows(file, do(c, op, r, func(w io.Writer, done app.RolledBack) {
				if look {
					printChanges(w, done.Changes)
				}
				printFindings(w, file, "the policy in force", done.Findings)
				if !look {
					printPublished(w, done.Published)
				}
			}))
		},
	}
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why; required, but with --dry-run")
	cmd.Flags().BoolVar(&look, "dry-run", false, "only say what would change, and what is remarkable about it")
	return c.tenantFlag(cmd)
}
