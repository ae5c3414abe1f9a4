package app

import (
	"context"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/directory"
	"rolegate/model"
)

// ClientRequest is a client and what is to be done with it.
type ClientRequest struct {
	Client   model.Client
	Disabled bool
}

func (r ClientRequest) tenant() string { return r.Client.Tenant }

// AddClient makes a client; its secret, if it has one, is shown once.
var AddClient = Operation[ClientRequest, directory.Credentials]{"client-add", func(ctx context.Context, a *App, caller model.Caller, r ClientRequest) (directory.Credentials, error) {
	if err := a.bootstrap(ctx, caller, ""); err != nil {
		return directory.Credentials{}, err
	}
	return a.Directory.AddClient(ctx, caller, r.Client)
}}

// ClientInfo is a client as commands show it.
type ClientInfo struct {
	ClientID               string    `json:"client_id"`
	Tenant                 string    `json:"tenant,omitempty"`
	Tenants                []string  `json:"tenants,omitempty"`
	Scopes                 []string  `json:"scopes"`
	TrustSubjectProperties bool      `json:"trust_subject_properties"`
	RequireToken           bool      `json:"require_token"`
	AuthMethod             string    `json:"token_endpoint_auth_method"` // client_secret_basic (or _post), private_key_jwt
	Disabled               bool      `json:"disabled"`
	CreatedAt              time.Time `json:"created_at"`
}

// ListClients lists all clients.
var ListClients = listing("client-list", audit.ClientRead, func(ctx context.Context, a *App, _ model.Caller, _ None) ([]ClientInfo, error) {
	cs, err := a.Directory.ListClients(ctx)
	out := make([]ClientInfo, len(cs))
	for i, c := range cs {
		out[i] = ClientInfo{c.ID, c.Tenant, c.Tenants, c.Scopes, c.TrustSubjectProperties, c.RequireToken, authMethod(c), c.Disabled, c.CreatedAt}
	}
	return out, err
})

// authMethod is RFC 7591's name for how the client authenticates.
func authMethod(c model.Client) string {
	if c.PublicKey != "" {
		return "private_key_jwt"
	}
	return "client_secret_basic"
}

// SetClientDisabled disables or enables a client.
var SetClientDisabled = Operation[ClientRequest, Change]{"client-set-disabled", func(ctx context.Context, a *App, caller model.Caller, r ClientRequest) (Change, error) {
	return changed(a.Directory.SetClientDisabled(ctx, caller, r.Client.ID, r.Disabled))
}}

// RotateClient replaces a client's secret or key.
var RotateClient = Operation[ClientRequest, directory.Credentials]{"client-rotate", func(ctx context.Context, a *App, caller model.Caller, r ClientRequest) (directory.Credentials, error) {
	return a.Directory.RotateClient(ctx, caller, r.Client.ID, r.Client.PublicKey)
}}
