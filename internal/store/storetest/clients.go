package storetest

import (
	"testing"

	"rolegate/internal/store"
	"rolegate/model"
)

var clientTests = []storeTest{
	{"Clients/RoundTrip", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		own := model.Client{ID: "own", Tenant: "t", Scopes: []string{"decide"}, TrustSubjectProperties: true, RequireToken: true,
			SecretHash: []byte{0, 255}, Disabled: true, CreatedAt: now}
		platform := model.Client{ID: "Platform", Tenants: []string{"*"}, Scopes: []string{"decide", "audit"}, PublicKey: `{"kty":"OKP"}`, CreatedAt: now}
		f.must(f.InsertClient(ctx, own))
		f.must(f.InsertClient(ctx, platform))
		for _, want := range []model.Client{own, platform} {
			got, err := f.Client(ctx, want.ID)
			same(t, "Client "+want.ID, got, err, want)
		}
		list, err := f.ListClients(ctx)
		same(t, "ListClients", list, err, []model.Client{platform, own})
		wantErr(t, "InsertClient again", f.InsertClient(ctx, model.Client{ID: "own"}), store.ErrExists)
		wantErr(t, "InsertClient of no tenant", f.InsertClient(ctx, model.Client{ID: "x", Tenant: "none"}), store.ErrNotFound)
		_, err = f.Client(ctx, "OWN")
		wantErr(t, "Client in capitals", err, store.ErrNotFound)
	}},
	{"Clients/Changes", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.must(f.InsertClient(ctx, model.Client{ID: "c", SecretHash: []byte("old")}))
		took, err := f.SetClientDisabled(ctx, "c", true)
		yes(t, "SetClientDisabled", took, err)
		took, err = f.SetClientSecret(ctx, "c", []byte("new"))
		yes(t, "SetClientSecret", took, err)
		got, err := f.Client(ctx, "c")
		same(t, "Client", got, err, model.Client{ID: "c", SecretHash: []byte("new"), Disabled: true})
		took, err = f.SetClientKey(ctx, "c", "key")
		yes(t, "SetClientKey", took, err)
		got, err = f.Client(ctx, "c")
		same(t, "Client with a key", got, err, model.Client{ID: "c", PublicKey: "key", Disabled: true})
		took, err = f.SetClientSecret(ctx, "c", []byte("new"))
		yes(t, "SetClientSecret again", took, err)
		got, err = f.Client(ctx, "c")
		same(t, "Client without a key", got, err, model.Client{ID: "c", SecretHash: []byte("new"), Disabled: true})
		took, err = f.SetClientDisabled(ctx, "x", true)
		no(t, "SetClientDisabled of none", took, err)
		took, err = f.SetClientSecret(ctx, "x", []byte("new"))
		no(t, "SetClientSecret of none", took, err)
		took, err = f.SetClientKey(ctx, "x", "key")
		no(t, "SetClientKey of none", took, err)
	}},
}

var policyTests = []storeTest{
	{"Policies/History", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		f.tenant("other")
		_, err := f.CurrentPolicy(ctx, "t")
		wantErr(t, "CurrentPolicy before the first", err, store.ErrNotFound)
		var want []store.PolicyRevision
		for _, rev := range []int64{2, 10, 9} { // numbers, not texts: 10 after 9
			p := store.PolicyRevision{Tenant: "t", Revision: rev, Text: "p, role:销售, *\n# \"it's\"", Author: "user:ann", Reason: "r", CreatedAt: now,
				Cases: "- name: 案", Draft: "d", ApprovedBy: "user:aud"}
			f.must(f.InsertPolicy(ctx, p))
			want = append(want, p)
		}
		got, err := f.CurrentPolicy(ctx, "t")
		same(t, "CurrentPolicy", got, err, want[1])
		wantErr(t, "InsertPolicy again", f.InsertPolicy(ctx, want[0]), store.ErrExists)
		got, err = f.Policy(ctx, "t", 9)
		same(t, "Policy", got, err, want[2])
		_, err = f.Policy(ctx, "t", 3)
		wantErr(t, "Policy of a revision that was none's", err, store.ErrNotFound)
		_, err = f.Policy(ctx, "other", 9)
		wantErr(t, "Policy of another tenant", err, store.ErrNotFound)
		for i := range want {
			want[i].Text, want[i].Cases = "", ""
		}
		list, err := f.ListPolicies(ctx, "t", 0, 2)
		same(t, "ListPolicies", list, err, []store.PolicyRevision{want[1], want[2]})
		list, err = f.ListPolicies(ctx, "t", 9, 2)
		same(t, "ListPolicies before", list, err, []store.PolicyRevision{want[0]})
		_, err = f.CurrentPolicy(ctx, "other")
		wantErr(t, "CurrentPolicy of another tenant", err, store.ErrNotFound)
		wantErr(t, "InsertPolicy of no tenant", f.InsertPolicy(ctx, store.PolicyRevision{Tenant: "none"}), store.ErrNotFound)
	}},
	{"Policies/OnePublisherOfARevisionWins", func(t *testing.T, f fixture) {
		f.tenant("t")
		wins(t, "InsertPolicy", 20, 1, func(int) (bool, error) {
			return inserted(f.InsertPolicy(t.Context(), store.PolicyRevision{Tenant: "t", Revision: 3}))
		})
	}},
}
