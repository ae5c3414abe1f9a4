package main

import (
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
	"rolegate/model"
)

func (c *cli) tenants() *cobra.Command {
	return group("tenant", "tenants, each with its own policy, directory and log key",
		c.tenantChange("add TENANT", "make a tenant; its policy is empty and denies everything", app.AddTenant),
		c.tenantChange("set TENANT", "change a tenant", app.SetTenant),
		c.tenantDisable("disable TENANT", "refuse a tenant's logins and decisions at once", true),
		c.tenantDisable("enable TENANT", "let a disabled tenant in again", false),
		c.tenantList())
}

func (c *cli) tenantChange(use, short string, op app.Operation[app.TenantRequest, app.TenantInfo]) *cobra.Command {
	var mfa, catalog, reason string
	var strict bool
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if op.Name == app.SetTenant.Name && mfa == "" && catalog == "" && !cmd.Flags().Changed("strict-fields") {
				return usageError{fmt.Errorf("nothing to set: give --mfa, --strict-fields or --catalog")}
			}
			r := app.TenantRequest{Tenant: args[0], Reason: reason}
			if mfa != "" {
				mode := model.MFAMode(mfa)
				r.MFA = &mode
			}
			if cmd.Flags().Changed("strict-fields") {
				r.StrictFields = &strict
			}
			if catalog != "" {
				text, err := readFile(catalog)
				if err != nil {
					return err
				}
				if !utf8.Valid(text) {
					return model.Errorf(model.CodeCatalogInvalid, "%s is not UTF-8", catalog)
				}
				s := string(text)
				r.Catalog = &s
			}
			return do(c, op, r, printTenant)
		},
	}
	f := cmd.Flags()
	f.StringVar(&mfa, "mfa", "", "who needs a second factor: all (everybody, the default) or by-role")
	f.StringVar(&catalog, "catalog", "", "catalogue file (YAML) of objects, actions and fields")
	f.BoolVar(&strict, "strict-fields", false, "field rules: any denial closes, also against another role's allow")
	f.StringVar(&reason, "reason", "", "why; required with --catalog and --mfa by-role in a tenant that has administrators")
	return cmd
}

func (c *cli) tenantDisable(use, short string, disabled bool) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return do(c, app.SetTenant, app.TenantRequest{Tenant: args[0], Disabled: &disabled, Reason: reason}, printTenant)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; recorded")
	return cmd
}

func printTenant(w io.Writer, t app.TenantInfo) { printTenants(w, []app.TenantInfo{t}) }

func printTenants(w io.Writer, ts []app.TenantInfo) {
	var rows [][]string
	for _, t := range ts {
		rows = append(rows, []string{t.Tenant, string(t.MFA), yes(t.StrictFields), yes(t.OwnCatalog), yes(t.Disabled), fmt.Sprint(t.Revision)})
	}
	table(w, "TENANT MFA STRICT-FIELDS OWN-CATALOG DISABLED REVISION", rows)
}

func (c *cli) tenantList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "list tenants", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return do(c, app.ListTenants, app.None{}, printTenants) },
	}
}

// readFile reads a file that a person named; "-" is standard input.
func readFile(path string) ([]byte, error) {
	read := func() ([]byte, error) { return os.ReadFile(path) }
	if path == "-" {
		read = func() ([]byte, error) { return io.ReadAll(io.LimitReader(os.Stdin, model.HighestLimits().Policy+1)) }
	}
	b, err := read()
	if err != nil {
		return nil, model.Errorf(model.CodeInvalidRequest, "cannot read the file: %v", err)
	}
	return b, nil
}
