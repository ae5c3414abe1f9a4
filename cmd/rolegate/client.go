package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
	"rolegate/internal/directory"
	"rolegate/model"
)

func (c *cli) clients() *cobra.Command {
	return group("client", "CRM backends and other services that call Rolegate",
		c.clientAdd(), c.clientList(),
		c.clientSetDisabled("disable NAME", "refuse a client and its tokens at once", true, "client %s is disabled"),
		c.clientSetDisabled("enable NAME", "let a disabled client in again", false, "client %s is enabled"),
		c.clientRotate())
}

func (c *cli) clientAdd() *cobra.Command {
	var client model.Client
	var tenant string
	cmd := &cobra.Command{
		Use: "add NAME", Short: "make a client and print its secret, this once", Args: cobra.ExactArgs(1),
		Example: "  rolegate client add crm-backend --scope decide",
		RunE: func(cmd *cobra.Command, args []string) error {
			client.ID, client.Tenant = args[0], tenant
			if len(client.Tenants) > 0 && !cmd.Flags().Changed("tenant") {
				client.Tenant = ""
			}
			if len(client.Tenants) == 1 && client.Tenants[0] == "all" {
				client.Tenants = []string{"*"}
			}
			return do(c, app.AddClient, app.ClientRequest{Client: client}, printCredentials)
		},
	}
	f := cmd.Flags()
	f.StringVar(&tenant, "tenant", model.DefaultTenant, "the tenant it belongs to")
	f.StringSliceVar(&client.Tenants, "tenants", nil, "a platform client: all, or a list of tenants it may name when it asks for a token")
	f.StringSliceVar(&client.Scopes, "scope", nil, "what it may do: "+strings.Join(model.Scopes, ", "))
	f.BoolVar(&client.TrustSubjectProperties, "trust-subject-properties", false, "subject.properties it sends overlay stored attributes")
	f.BoolVar(&client.RequireToken, "require-token", false, "its questions about users need the person's access token")
	return cmd
}

func printCredentials(w io.Writer, cr directory.Credentials) {
	fmt.Fprintf(w, "client_id      %s\nclient_secret  %s\n\nThe secret is not shown again.\n", cr.ClientID, cr.ClientSecret)
}

func (c *cli) clientList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "list clients", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return do(c, app.ListClients, app.None{}, func(w io.Writer, cs []app.ClientInfo) {
				var rows [][]string
				for _, cl := range cs {
					tenants := cl.Tenant
					if tenants == "" {
						tenants = strings.Join(cl.Tenants, ",")
					}
					rows = append(rows, []string{cl.ClientID, tenants, strings.Join(cl.Scopes, ","), yes(cl.Disabled), date(cl.CreatedAt)})
				}
				table(w, "CLIENT TENANTS SCOPES DISABLED CREATED", rows)
			})
		},
	}
}

func (c *cli) clientSetDisabled(use, short string, disabled bool, done string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return do(c, app.SetClientDisabled, app.ClientRequest{Client: model.Client{ID: args[0]}, Disabled: disabled}, say(done, args[0]))
		},
	}
}

func (c *cli) clientRotate() *cobra.Command {
	return &cobra.Command{
		Use: "rotate NAME", Short: "replace a client's secret; the old one stops working", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return do(c, app.RotateClient, app.ClientRequest{Client: model.Client{ID: args[0]}}, printCredentials)
		},
	}
}
