package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
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
	var tenant, jwk string
	cmd := &cobra.Command{
		Use: "add NAME", Short: "make a client and print its secret, this once", Args: cobra.ExactArgs(1),
		Long: "Make a client and print its secret, this once.\n" + notAfterPeople("Names of clients"),
		Example: "  rolegate client add crm-backend --scope decide\n" +
			"  rolegate client add crm-backend --scope decide --jwk public.jwk   # no secret: private_key_jwt",
		RunE: func(cmd *cobra.Command, args []string) error {
			client.ID, client.Tenant = args[0], tenant
			if len(client.Tenants) > 0 && !cmd.Flags().Changed("tenant") {
				client.Tenant = ""
			}
			if len(client.Tenants) == 1 && client.Tenants[0] == "all" {
				client.Tenants = []string{"*"}
			}
			var err error
			if client.PublicKey, err = readJWK(jwk); err != nil {
				return err
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
	flagJWK(cmd, &jwk)
	return cmd
}

func flagJWK(cmd *cobra.Command, jwk *string) {
	cmd.Flags().StringVar(jwk, "jwk", "", "file with its public key as a JWK (ES256, EdDSA, RS256): it signs assertions and has no secret")
}

// maxJWK bounds the file of a key; an RSA key of 4096 bits has less than 1 kB.
const maxJWK = 64 << 10

// readJWK reads the file of a key, "" for none.
func readJWK(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", model.Errorf(model.CodeInvalidRequest, "cannot read the key: %v", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxJWK))
	if err != nil {
		return "", model.Errorf(model.CodeInvalidRequest, "cannot read the key: %v", err)
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return "", model.Errorf(model.CodeInvalidRequest, "the file %s is empty", path)
	}
	return string(b), nil
}

func printCredentials(w io.Writer, cr directory.Credentials) {
	if cr.ClientSecret == "" {
		fmt.Fprintf(w, "client_id  %s\nkid        %s\n\nIt has no secret: it authenticates with private_key_jwt.\n", cr.ClientID, cr.KeyID)
		return
	}
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
	var jwk string
	cmd := &cobra.Command{
		Use: "rotate NAME", Short: "replace a client's secret or key; the old one stops working", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := readJWK(jwk)
			if err != nil {
				return err
			}
			return do(c, app.RotateClient, app.ClientRequest{Client: model.Client{ID: args[0], PublicKey: key}}, printCredentials)
		},
	}
	flagJWK(cmd, &jwk)
	return cmd
}
