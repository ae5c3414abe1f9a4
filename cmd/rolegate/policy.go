package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
	"rolegate/internal/i18n"
	"rolegate/internal/policy"
	"rolegate/internal/policy/review"
	"rolegate/model"
)

func (c *cli) policies() *cobra.Command {
	return group("policy", "role policies", c.policyCheck(), c.policyTest(), c.policyDiff(), c.policyImport(), c.policyExport(), c.policyExplain(),
		c.policyDrafts(), c.policyPublish(), c.policyRevisions(), c.policyRollback())
}

func (c *cli) policyCheck() *cobra.Command {
	var catalogFile, against string
	cmd := &cobra.Command{
		Use: "check FILE", Short: "list every bad row of a policy file, and what is remarkable about the good ones; needs no database", Args: cobra.ExactArgs(1),
		Long: `List every bad row of a policy file, and, if there are none, what is remarkable about it: rows that do nothing, duties
that meet in one role, and with --against, naming the policy it is to replace, rows that widen access. With --catalog,
conditions are also checked against the types that the catalogue declares for fields, as they are when the policy is
imported. Needs no database. What is remarkable is no failure; the exit status is that of bad rows.`,
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := readFile(args[0])
			if err != nil {
				return err
			}
			cfg, err := c.config()
			if err != nil {
				return err
			}
			catalog, err := readCatalog(catalogFile)
			if err != nil {
				return c.badRows(catalogFile, err)
			}
			doc, err := policy.ParseFor(string(text), catalog, cfg.Limits())
			if err != nil {
				return c.badRows(args[0], err)
			}
			var before *policy.Document
			if against != "" {
				if before, err = c.readPolicy(against); err != nil {
					return err
				}
			}
			findings := review.Findings(before, doc, catalog)
			i18n.Findings(i18n.English, findings)
			if c.json {
				writeJSON(c.stdout, map[string]any{"ok": true, "rules": len(doc.Rows), "role_links": len(doc.RoleLinks), "members": len(doc.Members), "problems": []any{},
					"findings": append([]model.Finding{}, findings...)})
				return nil
			}
			fmt.Fprintf(c.stdout, "%s is good: %s\n", args[0], counted(len(doc.Rows), len(doc.RoleLinks), len(doc.Members)))
			printFindings(c.stdout, args[0], against, findings)
			return nil
		},
	}
	cmd.Flags().StringVar(&catalogFile, "catalog", "", "catalogue (YAML) whose field types conditions must suit")
	cmd.Flags().StringVar(&against, "against", "", "the policy file it is to replace (policy export prints the one in force): tells what it widens")
	return cmd
}

func counted(rules, links, members int) string {
	return count(rules, "rule") + ", " + count(links, "role link") + ", " + count(members, "member")
}

// readCatalog reads a catalogue file; none is no catalogue.
func readCatalog(file string) (*policy.Catalog, error) {
	if file == "" {
		return nil, nil
	}
	text, err := readFile(file)
	if err != nil {
		return nil, err
	}
	return policy.ParseCatalog(string(text))
}

// badRows prints every bad row as file:line:column, the form editors jump to,
// and returns the error without them.
func (c *cli) badRows(file string, err error) error {
	var e *model.Error
	if !errors.As(err, &e) || len(e.Details) == 0 || c.json {
		return err
	}
	for _, d := range e.Details {
		between := ":"
		if d.Line == 0 { // about no line: a blank keeps a number in it from looking like one
			between = ": "
		}
		fmt.Fprintf(c.stdout, "%s%s%s\n", file, between, d)
	}
	return model.Errorf(e.Code, "%s", e.Message)
}

func (c *cli) policyImport() *cobra.Command {
	var reason string
	var ifRevision int64
	cmd := &cobra.Command{
		Use: "import FILE", Short: "publish a policy file, whole or not at all", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := readFile(args[0])
			if err != nil {
				return err
			}
			r := app.FileRequest{Tenant: c.tenant, Text: text, Reason: reason, IfRevision: ifRevision}
			return c.badRows(args[0], do(c, app.ImportPolicy, r, printPublished))
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; required once the holder of an office has accepted an invitation")
	cmd.Flags().Int64Var(&ifRevision, "if-revision", 0, "refuse unless the policy in force is still of this revision (policy export --json tells it)")
	return c.tenantFlag(cmd)
}

func (c *cli) policyExport() *cobra.Command {
	var revision int64
	cmd := &cobra.Command{
		Use: "export", Short: "print the current policy, or one that was", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			print := func(w io.Writer, p app.PolicyText) { fmt.Fprint(w, p.Policy) }
			if revision != 0 {
				return do(c, app.ExportRevision, app.ChangeRequest{Tenant: c.tenant, Revision: revision}, print)
			}
			return do(c, app.ExportPolicy, app.FileRequest{Tenant: c.tenant}, print)
		},
	}
	cmd.Flags().Int64Var(&revision, "revision", 0, "the policy published as this revision (policy revisions lists them); 0 is the current one")
	return c.tenantFlag(cmd)
}
