package login

import (
	"context"
	"errors"
	"slices"
	"strings"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

// ClientToken is the client_credentials grant (RFC 6749 section 4.4). Asking
// for a scope the client lacks is refused, never narrowed; asking for none
// gives all it has.
func (s *Service) ClientToken(ctx context.Context, cc ClientCredentials) (Tokens, error) {
	c, err := s.client(ctx, cc.ClientAuth)
	if err != nil {
		return Tokens{}, err
	}
	tenant, err := s.clientTenant(ctx, c, cc.Tenant)
	if err != nil {
		return Tokens{}, s.refuseClient(ctx, c, err)
	}
	scopes, err := clientScopes(c, cc.Scope)
	if err != nil {
		return Tokens{}, s.refuseClient(ctx, c, err)
	}
	scope := strings.Join(scopes, " ")
	access, err := s.sign(token.Claims{Subject: c.ID, ClientID: c.ID, Tenant: tenant, Scope: scope}, AccessTTL)
	if err != nil {
		return Tokens{}, err
	}
	if err := s.Log.Append(ctx, clientEntry(c.ID, tenant, audit.ClientToken, "")); err != nil {
		return Tokens{}, err
	}
	return Tokens{AccessToken: access, ExpiresIn: AccessTTL, Scope: scope}, nil
}

// clientTenant is the one tenant the token will hold.
func (s *Service) clientTenant(ctx context.Context, c model.Client, asked string) (string, error) {
	tenant := asked
	if tenant == "" {
		tenant = c.Tenant
	}
	if tenant == "" {
		return "", model.Errorf(model.CodeClientTenantNeeded, "this client serves several tenants: name one in the parameter tenant")
	}
	if !c.MayActIn(tenant) {
		return "", model.Errorf(model.CodeInvalidScope, "this client may not act in the tenant it asks for")
	}
	t, err := s.Store.TenantHead(ctx, tenant)
	if errors.Is(err, store.ErrNotFound) || err == nil && t.Disabled {
		return "", model.Errorf(model.CodeInvalidScope, "this client may not act in the tenant it asks for")
	}
	return tenant, err
}

func clientScopes(c model.Client, asked string) ([]string, error) {
	if strings.TrimSpace(asked) == "" {
		return c.Scopes, nil
	}
	scopes := strings.Fields(asked)
	for _, scope := range scopes {
		if !slices.Contains(c.Scopes, scope) {
			return nil, model.Errorf(model.CodeInvalidScope, "this client does not have the scope it asks for")
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(scopes))), nil
}

func (s *Service) refuseClient(ctx context.Context, c model.Client, refused error) error {
	switch code := model.CodeOf(refused); code {
	case model.CodeInvalidScope, model.CodeClientTenantNeeded, model.CodeForbidden:
		return s.refuse(ctx, clientEntry(c.ID, c.Tenant, audit.ClientFailed, code), refused)
	}
	return refused
}

// clientEntry names the client in the clear only when it is one of ours.
func clientEntry(id, tenant string, a audit.Activity, code model.Code) audit.Entry {
	e := audit.Entry{Tenant: tenant, Class: audit.ClassLogin, Activity: a, Outcome: audit.OutcomeOK, Code: code,
		Caller: model.Caller{Kind: model.CallerAnonymous}, Personal: map[string]any{"client_id": id}}
	if code != "" {
		e.Outcome = audit.OutcomeDeny
		return e
	}
	e.Service = id
	e.Caller.Kind = model.CallerClient
	return e
}

// AuthenticateClient verifies a client token and the live client behind it.
func (s *Service) AuthenticateClient(ctx context.Context, raw string) (model.Caller, error) {
	v, err := s.verify(raw)
	if err != nil && !untrue(err) {
		return model.Caller{}, err
	}
	if err != nil || v.claims.SessionID != "" || v.claims.Subject != v.claims.ClientID {
		return model.Caller{}, errUnauthorized.Because(err)
	}
	revision := s.Revisions.Known(v.claims.Tenant) // before the rows are read
	if l := v.liveAt(revision); l != nil {
		return l.caller, nil
	}
	caller, err := s.liveClient(ctx, callerOf(v.claims), revision)
	if err != nil {
		return model.Caller{}, err
	}
	v.keep(live{revision: revision, caller: caller})
	return caller, nil
}

// AuthenticateClientSecret is AuthenticateClient for a caller that can hold a
// secret but not renew a token, such as a proxy. It needs a client of one tenant,
// whose name the secret then stands for.
func (s *Service) AuthenticateClientSecret(ctx context.Context, id, secret string) (model.Caller, error) {
	c, right, err := s.secretHolder(ctx, id, secret)
	if err != nil {
		return model.Caller{}, err
	}
	if !right || c.Tenant == "" {
		return model.Caller{}, errUnauthorized
	}
	// Without a revision: whoever decides for this caller looks at it again.
	return model.Caller{Kind: model.CallerClient, ID: c.ID, Tenant: c.Tenant, Scopes: c.Scopes, Client: c}, nil
}

// Recheck looks at the client behind a caller again, for whoever finds that the
// caller's tenant has moved meanwhile. CodeUnauthorized means that it was
// disabled, may no longer act in the tenant, or its token was revoked; scopes that were taken away are
// gone. Callers of other kinds come back as they are.
func (s *Service) Recheck(ctx context.Context, caller model.Caller) (model.Caller, error) {
	if caller.Kind != model.CallerClient {
		return caller, nil
	}
	return s.liveClient(ctx, caller, s.Revisions.Known(caller.Tenant))
}

// callerOf is the client of a token as the token has it.
func callerOf(c token.Claims) model.Caller {
	return model.Caller{Kind: model.CallerClient, ID: c.ClientID, Tenant: c.Tenant, Scopes: strings.Fields(c.Scope), Token: c.ID}
}

// liveClient is a caller as it is now, with those of its scopes it still has, if
// its token was not revoked. The revision was known before.
func (s *Service) liveClient(ctx context.Context, granted model.Caller, revision int64) (model.Caller, error) {
	if granted.Token != "" { // a proxy came with its secret
		if revoked, err := s.Store.IsSpent(ctx, revokedToken(granted.Token)); err != nil || revoked {
			return model.Caller{}, cmpErr(err, errUnauthorized)
		}
	}
	c, err := s.Store.Client(ctx, granted.ID)
	if errors.Is(err, store.ErrNotFound) {
		return model.Caller{}, errUnauthorized
	}
	if err != nil {
		return model.Caller{}, err
	}
	if c.Disabled || !c.MayActIn(granted.Tenant) {
		return model.Caller{}, errUnauthorized
	}
	var scopes []string
	for _, scope := range granted.Scopes {
		if slices.Contains(c.Scopes, scope) { // taken away since is taken away now
			scopes = append(scopes, scope)
		}
	}
	granted.Scopes, granted.Client, granted.Revision = scopes, c, revision
	return granted, nil
}
