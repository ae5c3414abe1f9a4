package app_test

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/zitadel/oidc/v3/pkg/client"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"rolegate/internal/testkit"
	"rolegate/model"
)

// revoker is what the library asks of whoever revokes.
type revoker struct {
	endpoint string
	http     *http.Client
}

func (r revoker) GetRevokeEndpoint() string { return r.endpoint }
func (r revoker) HttpClient() *http.Client  { return r.http }

// A backend made of other people's libraries finds the endpoints in the metadata,
// obtains a token, verifies it, asks what tokens are worth, and revokes.
func TestStandardClient(t *testing.T) {
	k := testkit.New(t)
	alice := k.MustEnrol("alice")
	secret := k.AddClient(model.Client{ID: "crm", Tenant: model.DefaultTenant, Scopes: []string{"decide", "audit"}})
	issuer := k.App.Config.Issuer
	// Whatever host the issuer names, the kit answers.
	to := strings.TrimPrefix(k.URL, "http://")
	hc := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, to)
	}}}
	defer hc.CloseIdleConnections()
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, hc)

	found, err := client.Discover(ctx, issuer, hc, issuer+"/.well-known/oauth-authorization-server")
	if err != nil {
		t.Fatal(err)
	}
	config := clientcredentials.Config{ClientID: "crm", ClientSecret: secret, TokenURL: found.TokenEndpoint, Scopes: []string{"decide"}}
	tok, err := config.Token(ctx)
	if err != nil {
		t.Fatal(err)
	}
	verifier := oidc.NewVerifier(issuer, oidc.NewRemoteKeySet(oidc.ClientContext(ctx, hc), found.JwksURI),
		&oidc.Config{ClientID: k.App.Config.Audience, SupportedSigningAlgs: []string{"ES256", "EdDSA"}, Now: k.Now})
	if got, err := verifier.Verify(ctx, tok.AccessToken); err != nil || got.Subject != "crm" {
		t.Fatalf("%+v, %v", got, err)
	}

	server, err := rs.NewResourceServerClientCredentials(ctx, issuer, "crm", secret, rs.WithClient(hc),
		rs.WithStaticEndpoints(found.TokenEndpoint, found.IntrospectionEndpoint))
	if err != nil {
		t.Fatal(err)
	}
	worth := func(token string) *zitadel.IntrospectionResponse {
		t.Helper()
		got, err := rs.Introspect[*zitadel.IntrospectionResponse](ctx, server, token)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	own := worth(tok.AccessToken)
	if !own.Active || own.Subject != "crm" || own.ClientID != "crm" || !slices.Equal(own.Scope, []string{"decide"}) || own.TokenType != "Bearer" {
		t.Errorf("own token: %+v", own)
	}
	person := worth(alice.Access)
	if !person.Active || person.Subject != "alice" || person.Username != "alice" || person.Issuer != issuer ||
		!slices.Equal(person.Audience, []string{k.App.Config.Audience}) || !person.Expiration.AsTime().After(k.Now()) ||
		!slices.Contains(person.AuthenticationMethodsReferences, "otp") || k.Now().Sub(person.AuthTime.AsTime()) > time.Minute {
		t.Errorf("alice's token: %+v", person)
	}

	revoke := func(request client.RevokeRequest, auth any) {
		t.Helper()
		if err := client.CallRevokeEndpoint(ctx, request, auth, revoker{found.RevocationEndpoint, hc}); err != nil {
			t.Fatal(err)
		}
	}
	revoke(client.RevokeRequest{Token: tok.AccessToken, TokenTypeHint: "access_token"}, httphelper.AuthorizeBasic("crm", secret))
	if worth(tok.AccessToken).Active {
		t.Error("the revoked token is active")
	}
	revoke(client.RevokeRequest{Token: alice.Refresh, TokenTypeHint: "refresh_token", ClientID: "rolegate"}, nil)
	if worth(alice.Access).Active {
		t.Error("the access token of a revoked refresh token is active")
	}
}
