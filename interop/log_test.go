package interop

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"testing"

	"github.com/transparency-dev/formats/log"
	tlogproof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// gate is a Rolegate with more entries than a tile has, its auditor, and the
// receipt of an answer.
type gate struct {
	*testkit.Kit
	auditor  *testkit.Person
	verifier note.Verifier
	origin   string
	index    int64
	leafHash []byte
}

func newGate(t *testing.T) *gate {
	k := testkit.New(t, "ROLEGATE_ISSUER=https://gate.example.com")
	g := &gate{Kit: k, auditor: k.MustEnrol("auditor", "audit-admin")}
	a := k.Evaluate(k.ClientToken("crm"), "ann", "read", "contact", nil)
	var err error
	if g.index, err = strconv.ParseInt(a.Header.Get("Audit-Index"), 10, 64); err != nil {
		t.Fatal(err)
	}
	if g.leafHash, err = base64.StdEncoding.DecodeString(a.Header.Get("Audit-Leaf-Hash")); err != nil {
		t.Fatal(err)
	}
	entry := audit.Entry{Class: audit.ClassSystem, Activity: audit.Started, Outcome: audit.OutcomeOK, Caller: model.Caller{Kind: model.CallerSystem}}
	for range 600 {
		if err := k.App.Log.Append(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	name, err := app.LogKey.Run(t.Context(), k.App, testkit.Operator, app.None{})
	if err != nil {
		t.Fatal(err)
	}
	if g.verifier, err = note.NewVerifier(name.VKey); err != nil {
		t.Fatal(err)
	}
	g.origin = name.Origin
	if _, err := k.App.Checkpoints.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g
}

// The formats of transparency.dev take our checkpoints and proofs for what they are.
func TestFormats(t *testing.T) {
	g := newGate(t)
	signed := g.Get("/v1/audit/checkpoint")
	c, rest, _, err := log.ParseCheckpoint(signed.Raw, g.origin, g.verifier)
	if err != nil || len(rest) > 0 || c.Origin != "gate.example.com/v1/audit" {
		t.Fatalf("%v: %+v, rest %q", err, c, rest)
	}
	if want := fmt.Appendf(nil, "%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Hash)); !bytes.Equal(c.Marshal(), want) {
		t.Errorf("they would write %q", c.Marshal())
	}

	text := g.Get(fmt.Sprintf("/v1/audit/entries/%d/proof?size=%d", g.index, c.Size))
	var p tlogproof.TLogProof
	if err := p.Unmarshal(text.Raw); err != nil {
		t.Fatalf("%v:\n%s", err, text.Raw)
	}
	if !bytes.Equal(p.Marshal(), text.Raw) {
		t.Errorf("they would write\n%s\nand we\n%s", p.Marshal(), text.Raw)
	}
	at, _, _, err := log.ParseCheckpoint(p.Checkpoint, g.origin, g.verifier)
	if err != nil {
		t.Fatal(err)
	}
	var hashes [][]byte
	for _, h := range p.Hashes {
		hashes = append(hashes, h[:])
	}
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, at.Size, g.leafHash, hashes, at.Hash); err != nil {
		t.Errorf("the receipt: %v", err)
	}
}

// Tessera's checker fetches checkpoint, tiles and entries as from any log of its
// own, and finds nothing.
func TestFsck(t *testing.T) {
	g := newGate(t)
	root, err := url.Parse(g.URL + "/v1/audit/")
	if err != nil {
		t.Fatal(err)
	}
	fetch, err := client.NewHTTPFetcher(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	fetch.SetAuthorizationHeader("Bearer " + g.auditor.Access)
	hash := func(bundle []byte) (hashes [][]byte, err error) {
		var b api.EntryBundle
		err = b.UnmarshalText(bundle)
		for _, leaf := range b.Entries {
			hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(leaf))
		}
		return hashes, err
	}
	check := func(ctx context.Context) error {
		return fsck.New(g.origin, g.verifier, fetch, hash, fsck.Opts{N: 2}).Check(ctx)
	}
	if err := check(t.Context()); err != nil {
		t.Error(err)
	}
	g.Exec(`UPDATE audit_entries SET leaf = (SELECT leaf FROM audit_entries WHERE idx = 300) WHERE idx = 301`)
	if err := check(t.Context()); err == nil {
		t.Error("an altered entry is not found")
	}
}
