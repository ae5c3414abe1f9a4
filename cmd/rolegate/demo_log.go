package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"rolegate/internal/app"
	"rolegate/internal/audit/bundle"
	"rolegate/internal/audit/search"
	"rolegate/internal/audit/verify"
	"rolegate/model"
)

// log is what the log has of all this, and how an auditor holds it to its word.
func (s *story) log(ctx context.Context) {
	last := s.receipt
	index, err := strconv.ParseInt(last.Get("Audit-Index"), 10, 64)
	hash, unread := base64.StdEncoding.DecodeString(last.Get("Audit-Leaf-Hash"))
	s.check("the last answer said where it is recorded", errors.Join(err, unread))
	s.note("Audit-Index: %s", last.Get("Audit-Index"))
	s.note("Audit-Leaf-Hash: %s", last.Get("Audit-Leaf-Hash"))

	found, err := app.SearchLog.Do(ctx, s.cfg, app.LogRequest{Tenant: model.DefaultTenant, Order: string(search.Newest), Limit: 1,
		Parameters: map[string]string{"object": "contact:1", "outcome": "deny"}})
	if err == nil && (len(found.Entries) != 1 || found.Entries[0].Index != index) {
		err = fmt.Errorf("found %+v, want entry %d", found.Entries, index)
	}
	s.check("rolegate audit search --object contact:1 --outcome deny --limit 1 finds it", err)

	key, err := app.LogKey.Do(ctx, s.cfg, app.None{})
	s.check("rolegate audit key: an auditor writes it down once", err)
	s.note("%s", key.VKey)
	kept, err := app.CheckpointLog.Do(ctx, s.cfg, app.None{})
	s.check("rolegate audit checkpoint: an auditor keeps one", err)
	proof, err := s.http.get(fmt.Sprintf("/v1/audit/entries/%d/proof", index), "")
	s.check("anybody gets the proof that the entry is in the log", errors.Join(err, want(proof, 200, nil)))

	dir := filepath.Join(s.dir, "bundle")
	s.check("rolegate audit export", s.export(ctx, dir))
	policy, err := verify.KeyPolicy(key.VKey)
	o := verify.Options{Policy: policy, Known: [][]byte{[]byte(kept.Note)}, Proofs: [][]byte{proof.raw}, Receipts: []verify.Receipt{{Index: index, LeafHash: hash}}}
	s.verify(ctx, "rolegate audit verify: whole, and the log of that checkpoint, that receipt and that proof", err, dir, o, verify.OK)

	s.check("somebody alters the reason of a denial in it", alter(dir))
	s.verify(ctx, "which shows, and that it is not the log of which something was kept", nil, dir, o, verify.Diverge)
}

// export writes a bundle, as `rolegate audit export` does.
func (s *story) export(ctx context.Context, target string) error {
	dir, err := bundle.NewDir(target)
	if err != nil {
		return err
	}
	defer dir.Discard()
	if _, err := app.ExportLog.Do(ctx, s.cfg, app.LogExport{MadeBy: "rolegate demo"}, func(r io.Reader) error { return bundle.Unpack(r, dir) }); err != nil {
		return err
	}
	return dir.Commit()
}

// verify checks a bundle without the service, and shows what is wrong with it.
func (s *story) verify(ctx context.Context, name string, err error, dir string, o verify.Options, status verify.Status) {
	report, failed := verify.Run(ctx, bundle.Open(dir), o)
	if err = errors.Join(err, failed); err == nil && report.Status != status {
		err = fmt.Errorf("%s, want %v: %v", report.Result, status, report.Faults)
	}
	s.check(name, err)
	if len(report.Faults) > 0 {
		s.note("%s: %s", report.Result, report.Faults[0].What)
	}
}

// alter turns one reason in a bundle into another of the same length.
func alter(dir string) error {
	path := filepath.Join(dir, "entries", "000000.cborseq")
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	was := []byte(model.ReasonNotGranted)
	if !bytes.Contains(b, was) {
		return errors.New("nothing was denied")
	}
	return os.WriteFile(path, bytes.Replace(b, was, []byte("not_present"), 1), 0o600)
}
