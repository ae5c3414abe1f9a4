package login

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/internal/token"
	"rolegate/model"
)

// introspectScope is what a client needs to ask about tokens: one that may ask
// what a person may do may ask who the person is.
const introspectScope = "decide"

// Introspection is what a token is worth now. All but Active is empty unless it
// is true.
type Introspection struct {
	Active   bool
	Claims   token.Claims // acr and scope as they hold now, which may be less than the token says
	Username string       // of a person's token
}

// Introspect tells a client what an access token is worth (RFC 7662): a person's
// of a tenant the client may act in, or one of its own. Everything behind the
// token is looked at in the database. A token that is not valid or ended, that
// can only enrol again or is below what is required of its person by now, of another
// client, of another tenant, or of another kind is not active, and nothing tells
// which of these it is.
func (s *Service) Introspect(ctx context.Context, a ClientAuth, raw string) (Introspection, error) {
	c, err := s.client(ctx, a)
	if err != nil {
		return Introspection{}, err
	}
	if !slices.Contains(c.Scopes, introspectScope) {
		return Introspection{}, s.refuseClient(ctx, c, model.Errorf(model.CodeForbidden, "this client lacks the scope %s", introspectScope))
	}
	in, err := s.worth(ctx, c, raw)
	if err != nil {
		return Introspection{}, err
	}
	if err := s.Log.AppendRefusal(ctx, introspected(c, in)); err != nil {
		return Introspection{}, err
	}
	return in, nil
}

// worth looks at a token for a client.
func (s *Service) worth(ctx context.Context, c model.Client, raw string) (Introspection, error) {
	v, err := s.verify(raw)
	switch {
	case err != nil && !untrue(err):
		return Introspection{}, err
	case err != nil:
		return Introspection{}, nil
	}
	in := Introspection{Active: true, Claims: v.claims}
	switch {
	case v.claims.SessionID != "":
		err = s.worthOfPerson(ctx, c, &in)
	case v.claims.ClientID == c.ID && v.claims.Subject == c.ID:
		err = s.worthOfClient(ctx, &in)
	default:
		err = errUnauthorized
	}
	if model.CodeOf(err) == model.CodeUnauthorized {
		return Introspection{}, nil
	}
	return in, err
}

func (s *Service) worthOfPerson(ctx context.Context, c model.Client, in *Introspection) error {
	if !c.MayActIn(in.Claims.Tenant) {
		return errUnauthorized
	}
	_, session, err := s.liveSession(ctx, in.Claims)
	if err != nil {
		return err
	}
	if session.Restricted { // whoever asks would take it for a person who is logged in
		return errUnauthorized
	}
	if session.Assurance.Level < 2 { // every decision asks the same of the token
		t, err := s.Store.TenantHead(ctx, in.Claims.Tenant)
		if err != nil {
			return notFound(err, errUnauthorized)
		}
		if due, err := s.mfaDue(ctx, t, in.Claims.Subject); err != nil || due {
			return cmpErr(err, errUnauthorized)
		}
	}
	user, err := s.Store.User(ctx, in.Claims.Tenant, in.Claims.Subject)
	if err != nil {
		return notFound(err, errUnauthorized)
	}
	in.Username, in.Claims.ACR = user.Username, strconv.Itoa(session.Assurance.Level)
	return nil
}

func (s *Service) worthOfClient(ctx context.Context, in *Introspection) error {
	live, err := s.liveClient(ctx, callerOf(in.Claims), 0)
	if err != nil {
		return err
	}
	if t, err := s.Store.TenantHead(ctx, live.Tenant); err != nil || t.Disabled {
		return cmpErr(ignore(err, store.ErrNotFound), errUnauthorized)
	}
	in.Claims.Scope = strings.Join(live.Scopes, " ")
	return nil
}

func introspected(c model.Client, in Introspection) audit.Entry {
	e := clientEntry(c.ID, c.Tenant, audit.TokenIntrospected, "")
	if !in.Active {
		e.Outcome, e.Code = audit.OutcomeDeny, model.CodeTokenInvalid
		return e
	}
	e.Tenant = in.Claims.Tenant
	if in.Claims.SessionID != "" {
		e.Person = "user:" + in.Claims.Subject
	}
	return e
}
