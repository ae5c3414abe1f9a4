package requirements

import (
	"time"

	"rolegate/internal/app"
	"rolegate/internal/store"
	"rolegate/model"
)

const tenant = model.DefaultTenant

// beginning is the three offices, by commands; it gives their holders' invitations.
func (s *story) beginning(sys, sec, aud string) map[string]string {
	s.t.Helper()
	operate(s, app.Migrate, app.None{})
	invites := map[string]string{}
	for _, i := range operate(s, app.Init, app.InitRequest{Tenant: tenant, SystemAdmin: sys, SecurityAdmin: sec, AuditAdmin: aud}).Invitations {
		invites[i.User] = i.Invite
	}
	return invites
}

// operators do by commands what they can.
func (s *story) operators() {
	s.t.Helper()
	role := app.RoleRequest{Tenant: tenant, Role: "field-rep", Create: true, Reason: because}
	operate(s, app.PutRole, role)
	operate(s, app.ListRoles, role)
	role.Member = "user:" + annID
	operate(s, app.Assign, role)
	operate(s, app.Unassign, role)
	operate(s, app.DeleteRole, role)
	fails(s, app.Assign, app.RoleRequest{Tenant: tenant, Role: strangerMail, Member: "user:" + annID, Reason: because})

	user := app.UserRequest{Tenant: tenant, User: annID, Username: annMail, Reason: because}
	fails(s, app.AddUser, user) // she is there
	s.keep("operator's invitation", operate(s, app.InviteUser, user).Invite)
	operate(s, app.ListUsers, user)
	user.Disabled = true
	operate(s, app.SetUserDisabled, user)
	user.Disabled = false
	operate(s, app.SetUserDisabled, user)
	operate(s, app.EndSessions, user)
	operate(s, app.UnlockUser, user)
	const hash = "$2b$04$abcdefghijklmnopqrstuuq7cOE5S8HXHqhS0a1e0Tn1rM0W1sS2u"
	s.keep("hash of a password", hash)
	operate(s, app.ImportUsers, app.FileRequest{Tenant: tenant, Reason: because, Text: []byte(
		`{"users":[{"id":"moved-of-quimby","username":"moved.quimby@fixtures.example","password_hash":"` + hash + `"}]}`)})
	s.keep("id of who was moved", "moved-of-quimby")
	fails(s, app.ImportUsers, app.FileRequest{Tenant: tenant, Reason: because, Text: []byte(`{"users":[{"id":"` + annMail + `","password_hash":"x"}]}`)})

	operate(s, app.ListClients, app.None{})
	operate(s, app.SetClientDisabled, app.ClientRequest{Client: model.Client{ID: "erp"}, Disabled: true})
	s.keep("rotated client secret", operate(s, app.RotateClient, app.ClientRequest{Client: model.Client{ID: "erp"}}).ClientSecret)
	fails(s, app.RotateClient, app.ClientRequest{Client: model.Client{ID: strangerMail}})

	operate(s, app.ImportDirectory, app.FileRequest{Tenant: tenant, Reason: because, Text: []byte(
		`{"resources":[{"type":"deal","id":"` + dealID + `","attributes":{"owner":"user:` + annID + `","name":"` + chineseName + `"}}]}`)})
	fails(s, app.ImportDirectory, app.FileRequest{Tenant: tenant, Text: []byte(`{"assignments":[{"member":"user:` + strangerMail + `","role":"role:` + annMail + `"}]}`)})
	text := operate(s, app.ExportPolicy, app.FileRequest{Tenant: tenant}).Policy
	operate(s, app.ImportPolicy, app.FileRequest{Tenant: tenant, Reason: because,
		Text: []byte(string(text) + "\n# " + annName + " reads it\np, user:" + annID + ", contact, read, own, , allow\n")})
	fails(s, app.ImportPolicy, app.FileRequest{Tenant: tenant, Reason: because, Text: []byte("p, " + annMail + ", nonsense")})
	operate(s, app.ExplainPolicy, app.ExplainRequest{Tenant: tenant, Question: []byte(
		`{"subject":{"type":"user","id":"` + annID + `"},"action":{"name":"read"},"resource":{"type":"contact","id":"` + contactID + `"}}`)})

	operate(s, app.AddTenant, app.TenantRequest{Tenant: "globex"})
	strict := true
	operate(s, app.SetTenant, app.TenantRequest{Tenant: "globex", StrictFields: &strict, Reason: because})
	operate(s, app.ListTenants, app.None{})
}

// keys of the installation change, and a backup is said to have been restored,
// which ends all sessions.
func (s *story) keys() {
	s.t.Helper()
	operate(s, app.RotateKey, app.KeyRotation{AtOnce: true})
	signing := operate(s, app.ListKeys, app.None{}).Signing
	operate(s, app.RevokeKey, app.KeyRequest{ID: signing[0].ID})
	was := operate(s, app.ListKeys, app.None{}).Encryption[0].ID
	added := operate(s, app.AddKEK, app.None{})
	operate(s, app.UseKEK, app.KeyRequest{ID: added.ID})
	operate(s, app.Reseal, app.None{})
	s.Advance(11 * time.Minute)
	operate(s, app.DropKEK, app.KeyRequest{ID: was})
	operate(s, app.RotateKEK, app.None{})
	if ended := operate(s, app.Restored, app.None{}); ended == (store.Ended{}) {
		s.t.Error("nothing was ended")
	}
}
