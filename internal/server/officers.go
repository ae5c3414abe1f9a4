package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"rolegate/api"
	"rolegate/internal/administration"
	"rolegate/internal/directory"
	"rolegate/internal/i18n"
	"rolegate/internal/store"
	"rolegate/model"
)

// mountAdministration adds what people do to others' accounts, roles, clients and
// offices. No route takes a password, or opens a session as somebody else.
func (s *Server) mountAdministration(r chi.Router) {
	const users, user, clients, client, requests = "/v1/admin/users", "/v1/admin/users/{id}", "/v1/admin/clients", "/v1/admin/clients/{id}", "/v1/admin/offices/requests"
	const u, c, o = administration.Users, administration.Clients, administration.Offices

	r.Method("GET", users, s.officer(u, administration.Read, s.listUsers))
	r.Method("POST", users, s.officer(u, administration.Create, s.addUser))
	r.Method("GET", user, s.officer(u, administration.Read, s.getUser))
	r.Method("POST", user+"/invite", s.officer(u, administration.Invite, s.inviteUser))
	r.Method("POST", user+"/disable", s.officer(u, administration.Disable, s.disableUser))
	r.Method("POST", user+"/enable", s.officer(u, administration.Enable, s.enableUser))
	r.Method("POST", user+"/unlock", s.officer(u, administration.Unlock, s.unlockUser))
	r.Method("DELETE", user+"/sessions", s.officer(u, administration.EndSessions, s.endSessions))
	r.Method("PUT", user+"/roles/{role}", s.officer(administration.Roles, administration.Assign, s.assignRole))
	r.Method("DELETE", user+"/roles/{role}", s.officer(administration.Roles, administration.Assign, s.unassignRole))

	r.Method("GET", clients, s.officer(c, administration.Read, s.listClients))
	r.Method("POST", clients, s.officer(c, administration.Create, s.addClient))
	r.Method("POST", client+"/rotate-secret", s.officer(c, administration.RotateSecret, s.rotateClientSecret))
	r.Method("POST", client+"/disable", s.officer(c, administration.Disable, s.setClientDisabled(true)))
	r.Method("POST", client+"/enable", s.officer(c, administration.Enable, s.setClientDisabled(false)))

	r.Method("GET", requests, s.officer(o, administration.Read, s.listOfficeRequests))
	r.Method("POST", requests, s.officer(o, administration.Request, s.requestOffice))
	r.Method("POST", requests+"/{id}/approve", s.officer(o, administration.Approve, s.decideOffice(true)))
	r.Method("POST", requests+"/{id}/deny", s.officer(o, administration.Approve, s.decideOffice(false)))
}

// target is the id in the path: of a user, a client or a request.
func target(r *http.Request) string { return pathKey(r, []string{"id"})[0] }

func (s *Server) listUsers(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	values, err := query(r, "name", "state", "limit", "token")
	if err != nil {
		return err
	}
	q := store.UserQuery{Name: values["name"], State: store.UserState(values["state"])}
	switch q.State {
	case "", store.UserInvited, store.UserActive, store.UserDisabled:
	default:
		return bad(model.CodeInvalidRequest, i18n.QueryChoice, "state", i18n.Words{"choice": "invited, active, disabled"})
	}
	sealer, err := s.sealerOf(o.Caller(), []byte("list users\x00"+q.Name+"\x00"+string(q.State)))
	if err != nil {
		return err
	}
	place, err := sealer.readQuery(values, s.Limits.Results)
	if err != nil {
		return err
	}
	q.After, q.Limit = place.after, place.limit
	found, err := o.Users(r.Context(), q)
	if err != nil {
		return err
	}
	a := api.AdminUserList{Results: make([]api.AdminUser, len(found.Users)), Context: api.SearchContext{Revision: found.Revision}}
	for i, u := range found.Users {
		a.Results[i] = api.AdminUser{ID: u.ID, Username: u.Username, State: api.AdminUserState(u.State), CreatedAt: onWire(u.CreatedAt)}
	}
	a.Page.Count = len(found.Users)
	if found.More {
		place.after = found.After
		a.Page.NextToken = sealer.seal(place)
	}
	return reply(w, http.StatusOK, a)
}

func (s *Server) getUser(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	u, err := o.User(r.Context(), target(r))
	if err != nil {
		return err
	}
	a := api.AdminUserDetails{ID: u.ID, Username: u.Username, State: api.AdminUserDetailsState(u.State), CreatedAt: onWire(u.CreatedAt),
		Roles: make([]api.AdminUserRole, len(u.Roles)), Devices: make([]api.AdminUserDevice, len(u.Devices)), RecoveryCodesLeft: u.RecoveryCodes,
		Sessions: make([]api.AdminUserSession, len(u.Sessions)), Revision: u.Revision}
	for i, h := range u.Roles {
		a.Roles[i] = api.AdminUserRole{Role: h.Role, From: moment(h.From), Until: moment(h.Until)}
	}
	for i, d := range u.Devices {
		a.Devices[i] = api.AdminUserDevice{Name: d.Name, ConfirmedAt: onWire(d.ConfirmedAt)}
	}
	for i, v := range u.Sessions {
		a.Sessions[i] = api.AdminUserSession{CreatedAt: onWire(v.CreatedAt), LastSeen: onWire(v.LastSeen), ExpiresAt: onWire(v.ExpiresAt),
			ACR: api.AdminUserSessionACR(strconv.Itoa(v.ACR)), ReEnrolOnly: v.Restricted}
	}
	return reply(w, http.StatusOK, a)
}

func (s *Server) addUser(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	req, err := decode[api.AddUserRequest](s, w, r)
	if err != nil {
		return err
	}
	inv, err := o.AddUser(r.Context(), directory.NewUser{ID: req.ID, Username: req.Username, Roles: req.Roles}, req.Reason)
	return replyInvitation(w, http.StatusCreated, inv, err)
}

func (s *Server) inviteUser(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	inv, err := o.Invite(r.Context(), target(r), "")
	return replyInvitation(w, http.StatusOK, inv, err)
}

func replyInvitation(w http.ResponseWriter, status int, inv directory.Invitation, err error) error {
	if err != nil {
		return err
	}
	return reply(w, status, api.Invitation{Invite: inv.Invite, InviteURL: inv.URL, ExpiresAt: onWire(inv.ExpiresAt), Revision: inv.Revision})
}

func (s *Server) disableUser(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	req, err := decode[api.ReasonRequest](s, w, r)
	if err != nil {
		return err
	}
	revision, err := o.SetDisabled(r.Context(), target(r), true, req.Reason)
	return replyChanged(w, revision, err)
}

func (s *Server) enableUser(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	revision, err := o.SetDisabled(r.Context(), target(r), false, "")
	return replyChanged(w, revision, err)
}

func (s *Server) unlockUser(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	req, err := decode[api.ReasonRequest](s, w, r)
	if err != nil {
		return err
	}
	if err := o.Unlock(r.Context(), target(r), req.Reason); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) endSessions(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	revision, ended, err := o.EndSessions(r.Context(), target(r), "")
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, api.EndedSessions{Ended: ended, Revision: revision})
}

func (s *Server) assignRole(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	req, err := decode[api.AssignRoleRequest](s, w, r)
	if err != nil {
		return err
	}
	key := pathKey(r, []string{"id", "role"})
	entry := directory.AssignmentEntry{Role: key[1], From: req.From, Until: req.Until}
	a, err := entry.Assignment()
	if err != nil {
		return err
	}
	revision, err := o.Assign(r.Context(), key[0], a, req.Reason)
	return replyChanged(w, revision, err)
}

func (s *Server) unassignRole(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	key := pathKey(r, []string{"id", "role"})
	revision, err := o.Unassign(r.Context(), key[0], key[1], "")
	return replyChanged(w, revision, err)
}

func replyChanged(w http.ResponseWriter, revision int64, err error) error {
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, api.Changed{Revision: revision})
}

func (s *Server) listClients(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	found, err := o.Clients(r.Context())
	if err != nil {
		return err
	}
	a := api.AdminClientList{Results: make([]api.AdminClient, len(found))}
	for i, c := range found {
		a.Results[i] = api.AdminClient{ClientID: c.ID, Scopes: c.Scopes, TrustSubjectProperties: c.TrustSubjectProperties,
			RequireToken: c.RequireToken, Disabled: c.Disabled, CreatedAt: onWire(c.CreatedAt)}
	}
	return reply(w, http.StatusOK, a)
}

func (s *Server) addClient(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	req, err := decode[api.AddClientRequest](s, w, r)
	if err != nil {
		return err
	}
	done, err := o.AddClient(r.Context(), model.Client{ID: req.ClientID, Scopes: req.Scopes,
		TrustSubjectProperties: req.TrustSubjectProperties, RequireToken: req.RequireToken})
	return replyCredentials(w, http.StatusCreated, done, err)
}

func (s *Server) rotateClientSecret(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	done, err := o.RotateSecret(r.Context(), target(r))
	return replyCredentials(w, http.StatusOK, done, err)
}

func replyCredentials(w http.ResponseWriter, status int, c directory.Credentials, err error) error {
	if err != nil {
		return err
	}
	return reply(w, status, api.ClientCredentials{ClientID: c.ClientID, ClientSecret: c.ClientSecret, Revision: c.Revision})
}

func (s *Server) setClientDisabled(disabled bool) func(http.ResponseWriter, *http.Request, *administration.Officer) error {
	return func(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
		revision, err := o.SetClientDisabled(r.Context(), target(r), disabled)
		return replyChanged(w, revision, err)
	}
}

func (s *Server) listOfficeRequests(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	found, err := o.OfficeRequests(r.Context())
	if err != nil {
		return err
	}
	a := api.OfficeRequestList{Results: make([]api.OfficeRequest, len(found))}
	for i, f := range found {
		a.Results[i] = officeRequest(f, o.Now())
	}
	return reply(w, http.StatusOK, a)
}

func (s *Server) requestOffice(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	req, err := decode[api.AskOfficeRequest](s, w, r)
	if err != nil {
		return err
	}
	done, err := o.RequestOffice(r.Context(), req.Member, req.Office, req.Reason)
	return replyOffice(w, http.StatusCreated, done, o.Now(), err)
}

func (s *Server) decideOffice(approve bool) func(http.ResponseWriter, *http.Request, *administration.Officer) error {
	return func(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
		done, err := o.DecideOffice(r.Context(), target(r), approve)
		return replyOffice(w, http.StatusOK, done, o.Now(), err)
	}
}

func replyOffice(w http.ResponseWriter, status int, done directory.OfficeRequest, now time.Time, err error) error {
	if err != nil {
		return err
	}
	a := officeRequest(done.OfficeRequest, now)
	a.Revision = done.Revision
	return reply(w, status, a)
}

func officeRequest(r store.OfficeRequest, now time.Time) api.OfficeRequest {
	state := api.OfficeRequestState(r.State)
	if r.State == store.RequestPending && !now.Before(r.ExpiresAt) {
		state = "expired"
	}
	return api.OfficeRequest{ID: r.ID, Member: r.Member, Office: r.Office, Reason: r.Reason, RequestedBy: r.RequestedBy,
		CreatedAt: onWire(r.CreatedAt), ExpiresAt: onWire(r.ExpiresAt), State: state, DecidedBy: r.DecidedBy, DecidedAt: moment(onWire(r.DecidedAt))}
}

// moment is a time, nil where there is none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
