package directory

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

// Credentials are a client's, shown once.
type Credentials struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"` // "" of one with a key
	KeyID        string `json:"kid,omitempty"`           // RFC 7638 thumbprint of the key
	Revision     int64  `json:"revision"`                // the tenant's, with the client in it; 0 of one that serves several
}

// AddClient makes a client, with a random secret unless it has a public key.
func (s *Service) AddClient(ctx context.Context, caller model.Caller, c model.Client) (Credentials, error) {
	if err := checkClient(c); err != nil {
		return Credentials{}, err
	}
	if err := withinReach(caller, c); err != nil {
		return Credentials{}, err
	}
	cr, err := newCredentials(&c)
	if err != nil {
		return Credentials{}, err
	}
	c.CreatedAt = s.Now()
	c.Scopes = slices.Compact(slices.Sorted(slices.Values(c.Scopes)))
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		for _, t := range append(slices.Clone(c.Tenants), c.Tenant) {
			if t == "" || t == "*" {
				continue
			}
			if _, err := Tenant(ctx, tx, t); err != nil {
				return err
			}
		}
		if err := tx.InsertClient(ctx, c); err != nil {
			return exists(err, "a client named %q is already there", c.ID)
		}
		e := act(caller, c.Tenant, audit.ClientCreated, "", map[string]any{"scopes": c.Scopes, "tenants": c.Tenants})
		e.Service = c.ID
		var err error
		cr.Revision, err = s.changedClient(ctx, tx, c, e)
		return err
	})
	if err != nil {
		return Credentials{}, err
	}
	return cr, nil
}

// newCredentials gives the client a secret, or puts its key into the form that is kept.
func newCredentials(c *model.Client) (Credentials, error) {
	if c.PublicKey == "" {
		secret, hash := token.NewSecret()
		c.SecretHash = hash
		return Credentials{ClientID: c.ID, ClientSecret: secret}, nil
	}
	key, canonical, err := token.ParseJWK([]byte(c.PublicKey))
	if err != nil {
		return Credentials{}, model.Errorf(model.CodeInvalidRequest, "the key of client %q cannot be used: %s", c.ID, model.PhraseOf(err))
	}
	c.PublicKey, c.SecretHash = canonical, nil
	return Credentials{ClientID: c.ID, KeyID: key.ID}, nil
}

// changedClient takes a revision of each tenant the client may act in, so that
// whoever keeps verified tokens with the revision asks again, and records the
// change. Tenants are taken in the order of their ids, as everywhere. One that
// was made meanwhile is taken in the second round: the record holds the log's
// head, behind which a new tenant's own record waits.
func (s *Service) changedClient(ctx context.Context, tx store.Tx, c model.Client, e audit.Entry) (revision int64, err error) {
	taken := map[string]bool{}
	take := func() error {
		tenants, err := tx.ListTenants(ctx)
		if err != nil {
			return err
		}
		for _, t := range tenants {
			if !c.MayActIn(t.ID) || taken[t.ID] {
				continue
			}
			taken[t.ID] = true
			r, err := tx.Bump(ctx, t.ID)
			if err != nil {
				return err
			}
			if t.ID == c.Tenant {
				revision = r
			}
			if t.ID == e.Caller.Tenant {
				if err := Stands(e.Caller, t.ID, r); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := take(); err != nil {
		return 0, err
	}
	if err := s.Log.AppendIn(ctx, tx, e); err != nil {
		return 0, err
	}
	return revision, take()
}

func checkClient(c model.Client) error {
	if err := checkID(model.Say("client's name"), c.ID); err != nil {
		return err
	}
	if c.ID == "rolegate" || strings.ContainsAny(c.ID, ": \t") {
		return model.Errorf(model.CodeInvalidRequest, "%q cannot name a client: no colons or blanks, and rolegate is our own", c.ID)
	}
	if (c.Tenant == "") == (len(c.Tenants) == 0) {
		return model.Errorf(model.CodeInvalidRequest, "a client belongs to one tenant (--tenant) or serves several (--tenants), not both")
	}
	if len(c.Scopes) == 0 {
		return model.Errorf(model.CodeInvalidRequest, "a client needs at least one scope of %s", strings.Join(model.Scopes, ", "))
	}
	for _, scope := range c.Scopes {
		if !slices.Contains(model.Scopes, scope) {
			return model.Errorf(model.CodeInvalidScope, "%q is no scope; there are %s", scope, strings.Join(model.Scopes, ", "))
		}
	}
	return nil
}

// personal are the scopes of the clients that a person makes and holds the secret
// of: those that ask questions. A client that keeps the directory can give roles,
// also to whoever holds its secret, and one that reads the log sees what everybody
// does: these are made on the host.
var personal = []string{"decide", "explain"}

// PersonalScopes lists the scopes of clients that people make.
func PersonalScopes() []string { return slices.Clone(personal) }

// withinReach keeps a person to clients of their own tenant that only ask
// questions. One of another tenant, or of several, is unknown to them.
func withinReach(caller model.Caller, c model.Client) error {
	switch {
	case caller.Kind != model.CallerUser:
		return nil
	case c.Tenant != caller.Tenant:
		return unknownClient(c.ID)
	}
	for _, scope := range c.Scopes {
		if !slices.Contains(personal, scope) {
			return model.Errorf(model.CodeForbidden, "a client with the scope %s is looked after on the host, with `rolegate client`; here a client has the scopes %s",
				scope, strings.Join(personal, " and "))
		}
	}
	return nil
}

func unknownClient(id string) error {
	return model.Errorf(model.CodeClientUnknown, "there is no client %q; `rolegate client list` shows them", id)
}

// TenantClients lists the clients of one tenant by name, without those that serve
// several.
func (s *Service) TenantClients(ctx context.Context, tenant string) ([]model.Client, error) {
	all, err := s.Store.ListClients(ctx)
	return slices.DeleteFunc(all, func(c model.Client) bool { return c.Tenant != tenant }), err
}

// ListClients lists them all by name.
func (s *Service) ListClients(ctx context.Context) ([]model.Client, error) {
	return s.Store.ListClients(ctx)
}

// SetClientDisabled disables or enables a client; its tokens are refused from
// the next request on.
func (s *Service) SetClientDisabled(ctx context.Context, caller model.Caller, id string, disabled bool) (int64, error) {
	activity := audit.ClientEnabled
	if disabled {
		activity = audit.ClientDisabled
	}
	return s.changeClient(ctx, caller, id, activity, func(tx store.Tx, c model.Client) error {
		if c.Disabled == disabled {
			return errNothing
		}
		_, err := tx.SetClientDisabled(ctx, id, disabled)
		return err
	})
}

// RotateClient replaces what a client authenticates with by a public key (JWK),
// or for "" by a new secret. The old secret or key stops working at once; tokens
// already handed out live out their ten minutes.
func (s *Service) RotateClient(ctx context.Context, caller model.Caller, id, publicKey string) (Credentials, error) {
	c := model.Client{ID: id, PublicKey: publicKey}
	cr, err := newCredentials(&c)
	if err != nil {
		return Credentials{}, err
	}
	activity := audit.ClientRotated
	if c.PublicKey != "" {
		activity = audit.ClientKeyed
	}
	change := func(tx store.Tx, _ model.Client) (err error) {
		if c.PublicKey != "" {
			_, err = tx.SetClientKey(ctx, id, c.PublicKey)
		} else {
			_, err = tx.SetClientSecret(ctx, id, c.SecretHash)
		}
		return err
	}
	if cr.Revision, err = s.changeClient(ctx, caller, id, activity, change); err != nil {
		return Credentials{}, err
	}
	return cr, nil
}

// changeClient does a change to a client, or records that there was none to do
// (errNothing).
func (s *Service) changeClient(ctx context.Context, caller model.Caller, id string, a audit.Activity, change func(store.Tx, model.Client) error) (revision int64, err error) {
	var e audit.Entry
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		c, err := tx.Client(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return unknownClient(id)
		}
		if err == nil {
			err = withinReach(caller, c)
		}
		if err != nil {
			return err
		}
		changed := change(tx, c)
		if changed != nil && changed != errNothing {
			return changed
		}
		e = act(caller, c.Tenant, a, "", nil)
		e.Service = id
		if revision, err = s.changedClient(ctx, tx, c, e); err != nil {
			return err
		}
		return changed
	})
	if err == errNothing {
		return max(revision-1, 0), s.Log.Append(ctx, e)
	}
	return revision, err
}
