package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
	"rolegate/internal/policy"
	"rolegate/model"
)

func (c *cli) policies() *cobra.Command {
	return group("policy", "role policies", c.policyCheck(), c.policyImport(), c.policyExport(), c.policyExplain())
}

func (c *cli) policyCheck() *cobra.Command {
	var catalogFile string
	cmd := &cobra.Command{
		Use: "check FILE", Short: "list every bad row of a policy file; needs no database", Args: cobra.ExactArgs(1),
		Long: "List every bad row of a policy file. With --catalog, conditions are also checked against the types\n" +
			"that the catalogue declares for fields, as they are when the policy is imported. Needs no database.",
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
			if c.json {
				writeJSON(c.stdout, map[string]any{"ok": true, "rules": len(doc.Rows), "role_links": len(doc.RoleLinks), "members": len(doc.Members), "problems": []any{}})
				return nil
			}
			fmt.Fprintf(c.stdout, "%s is good: %s\n", args[0], counted(len(doc.Rows), len(doc.RoleLinks), len(doc.Members)))
			return nil
		},
	}
	cmd.Flags().StringVar(&catalogFile, "catalog", "", "catalogue (YAML) whose field types conditions must suit")
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
			err = do(c, app.ImportPolicy, r, func(w io.Writer, p policy.Published) {
				fmt.Fprintf(w, "published as revision %d: %s\n", p.Revision, counted(p.Rules, p.Links, p.Members))
				for _, m := range p.Unregistered {
					fmt.Fprintf(w, "note: %s is not registered; it holds its role from the day it is added\n", m)
				}
			})
			return c.badRows(args[0], err)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; required once the holder of an office has accepted an invitation")
	cmd.Flags().Int64Var(&ifRevision, "if-revision", 0, "refuse unless the policy in force is still of this revision (policy export --json tells it)")
	return c.tenantFlag(cmd)
}

func (c *cli) policyExport() *cobra.Command {
	return c.tenantFlag(&cobra.Command{
		Use: "export", Short: "print the current policy", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return do(c, app.ExportPolicy, app.FileRequest{Tenant: c.tenant}, func(w io.Writer, p app.PolicyText) { fmt.Fprint(w, p.Policy) })
		},
	})
}
