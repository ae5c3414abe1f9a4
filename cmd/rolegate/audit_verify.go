package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rolegate/internal/audit/bundle"
	"rolegate/internal/audit/tree"
	"rolegate/internal/audit/verify"
	"rolegate/model"
)

func (c *cli) auditVerify() *cobra.Command {
	var k keptFiles
	var live liveFlags
	var floor uint16
	cmd := &cobra.Command{
		Use: "verify BUNDLE | --live", Short: "check an exported log: that nothing was altered, taken away or put in", Args: cobra.MaximumNArgs(1),
		Long: `Checks a bundle that ` + "`rolegate audit export`" + ` wrote, without keys and without network: that its
entries make the tree that every checkpoint is of, that everything sealed is there and unaltered or was
destroyed by rule, by two people, and that no entry is missing. It names the entry that is at fault.

A log can be rewritten as a whole by whoever has the database and the signing key. What was kept
elsewhere shows that: an older checkpoint (--known), what answers said (--receipts), or witnesses
(--policy). Keep them, and the policy, apart from the log; never take them from the bundle.

With --live it is the service's own log that is verified, in its database, by the service if it runs:
with the log's own key and the last checkpoint that its keystore has. The result is recorded. It
shows an operator that the log is in order; an auditor wants a bundle.

Exit status:
   0  it is whole, and agrees with what was kept
  10  it is whole, but nothing that was kept was given, or a checkpoint that was kept could not be
      held against it: UNANCHORED
  20  TAMPERED: it does not agree with itself
  30  DIVERGED: it does not agree with what was kept, or what witnesses saw
  40  MALFORMED: it is no bundle, or a part of it is missing
   1  it could not be read; 2: the command was misused`,
		Example: "  rolegate audit verify 2026-11 --policy auditor.policy --known 2026-10.checkpoint\n" +
			"  rolegate audit verify 2026-11 --key crm.example.com/v1/audit+5a1f…+AZ… --receipts receipts.jsonl --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := live.check(len(args)); err != nil {
				return err
			}
			if live.on && cmd.Flags().Changed("floor") {
				return usageError{errors.New("--floor is for a bundle: --live holds what is sealed to the 184 days of the law")}
			}
			if live.on {
				return c.verifyLive(k, live)
			}
			o, err := k.options()
			if err != nil {
				return err
			}
			o.Floor = time.Duration(floor) * 24 * time.Hour
			report, err := verify.Run(cmd.Context(), bundle.Open(args[0]), o)
			if err != nil {
				return model.Errorf(model.CodeInvalidRequest, "%s: %v", args[0], err)
			}
			if c.json {
				writeJSON(c.stdout, report)
			} else {
				printVerified(c.stdout, report)
			}
			if report.Status != verify.OK {
				return exitStatus(report.Status)
			}
			return nil
		},
	}
	f := cmd.Flags()
	live.add(cmd)
	f.StringVar(&k.policy, "policy", "", "file that says whose signatures count: log, witnesses, quorum (C2SP tlog-policy)")
	f.StringVar(&k.key, "key", "", "the log's key instead, such as crm.example.com/v1/audit+5a1f…+AZ…")
	f.StringSliceVar(&k.known, "known", nil, "file with an older checkpoint; may be repeated")
	f.StringSliceVar(&k.proofs, "proof", nil, "file with the proof of an entry (C2SP tlog-proof); may be repeated")
	f.Uint16Var(&floor, "floor", uint16(verify.LegalFloor/(24*time.Hour)), "days that sealed data has to be kept before an act may destroy it: six months; 0: as long as the acts say")
	f.StringVar(&k.receipts, "receipts", "", `file of {"index":…,"leaf_hash":"…"}, one a line: the headers Audit-Index and Audit-Leaf-Hash of answers`)
	return cmd
}

// keptFiles are the files an auditor has kept.
type keptFiles struct {
	policy, key, receipts string
	known, proofs         []string
}

func (k keptFiles) options() (o verify.Options, err error) {
	wrong := func(path string, err error) error {
		return model.Errorf(model.CodeInvalidRequest, "%s: %v", path, err)
	}
	switch {
	case k.policy != "" && k.key != "":
		return o, usageError{fmt.Errorf("--policy and --key do not go together")}
	case k.policy != "":
		text, err := readFile(k.policy)
		if err != nil {
			return o, err
		}
		if o.Policy, err = verify.ParsePolicy(text); err != nil {
			return o, wrong(k.policy, err)
		}
	case k.key != "":
		if o.Policy, err = verify.KeyPolicy(k.key); err != nil {
			return o, usageError{fmt.Errorf("--key: %w", err)}
		}
	}
	for _, path := range k.known {
		note, err := readFile(path)
		if err != nil {
			return o, err
		}
		if _, err := verify.SizeOf(note); err != nil {
			return o, wrong(path, err)
		}
		o.Known = append(o.Known, note)
	}
	for _, path := range k.proofs {
		proof, err := readFile(path)
		if err != nil {
			return o, err
		}
		o.Proofs = append(o.Proofs, proof)
	}
	if k.receipts != "" {
		if o.Receipts, err = readReceipts(k.receipts); err != nil {
			return o, wrong(k.receipts, err)
		}
	}
	return o, nil
}

// readReceipts reads a file of JSON lines.
func readReceipts(path string) (receipts []verify.Receipt, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var r struct {
			Index *int64 `json:"index"`
			Hash  string `json:"leaf_hash"`
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		hash := readHash(r.Hash)
		if r.Index == nil || *r.Index < 0 || hash == nil {
			return nil, fmt.Errorf(`line %d is not {"index":…,"leaf_hash":"…"}`, n)
		}
		receipts = append(receipts, verify.Receipt{Index: *r.Index, LeafHash: hash})
	}
	return receipts, lines.Err()
}

// readHash reads base64 or hex; nil if it is neither.
func readHash(s string) []byte {
	for _, decode := range []func(string) ([]byte, error){base64.StdEncoding.DecodeString, base64.RawURLEncoding.DecodeString, hex.DecodeString} {
		if h, err := decode(s); err == nil && len(h) == tree.HashSize {
			return h
		}
	}
	return nil
}

func printVerified(w io.Writer, r verify.Report) {
	if r.Status == verify.Malform && r.Origin == "" {
		fmt.Fprintln(w, "MALFORMED")
	} else {
		fmt.Fprintf(w, "%s: %s, %s\n", strings.ToUpper(r.Result), cmp.Or(r.Origin, "a log without checkpoints"), count(int(r.Size), "entry"))
	}
	for _, f := range r.Faults {
		fmt.Fprintf(w, "  %s\n", f.What)
	}
	if r.More > 0 {
		fmt.Fprintf(w, "  and %d more\n", r.More)
	}
	if r.Status == verify.Malform {
		return
	}
	fmt.Fprintln(w)
	if r.Entries > 0 {
		var classes []string
		for _, class := range slices.Sorted(maps.Keys(r.Classes)) {
			classes = append(classes, fmt.Sprintf("%s %d", class, r.Classes[class]))
		}
		fmt.Fprintf(w, "read        %s of %s, %s to %s: %s\n", count(int(r.Entries), "entry"), count(r.Sources, "source"),
			date(r.Begin), date(r.End), strings.Join(classes, ", "))
	}
	if r.Tenant != "" {
		fmt.Fprintf(w, "tenant      %s; %s of others\n", r.Tenant, count(int(r.Foreign), "entry"))
	}
	if r.Omitted > 0 {
		fmt.Fprintf(w, "range       %d to %d; %s left out\n", r.From, r.To, count(int(r.Omitted), "entry"))
	}
	fmt.Fprintf(w, "sealed      %s unaltered\n", count(int(r.Segments), "segment"))
	for _, s := range r.Shredded {
		fmt.Fprintf(w, "destroyed   %s by rule, by the act of entry %d (%s); the youngest %s old\n", count(int(s.Segments), "segment"), s.Act, s.Kind, count(int(s.Days), "day"))
	}
	if r.Denials.Entries > 0 {
		fmt.Fprintf(w, "counted     %s of floods, by %s\n", count(int(r.Denials.Count), "denial"), count(int(r.Denials.Entries), "entry"))
	}
	if r.Lost.Entries > 0 {
		fmt.Fprintf(w, "lost        %s at least that no entry tells of, as %s", count(int(r.Lost.Count), "record"), count(int(r.Lost.Entries), "entry"))
		if r.Lost.Unknown > 0 {
			fmt.Fprintf(w, "; %d of them without knowing how many", r.Lost.Unknown)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "tree        %s of it, %d signed by a key of the auditor's; %s\n", count(int(r.Checkpoints), "checkpoint"), r.Signed, count(int(r.Tiles), "tile"))
	a := r.Anchors
	for _, of := range []struct {
		n    int64
		what string
	}{{a.Known, "the first %s are those of the checkpoint that was kept"}, {a.Witnessed, "the first %s are those a quorum of witnesses has signed"}, {a.Receipts, "%s as the receipts say"}, {a.Proofs, "%s as the proofs say"}} {
		if of.n > 0 {
			fmt.Fprintf(w, "anchored    "+of.what+"\n", count(int(of.n), "entry"))
		}
	}
	fmt.Fprintf(w, "unanchored  the last %s\n", count(int(r.Tail), "entry"))
	for _, n := range r.Notes {
		fmt.Fprintf(w, "note        %s\n", n)
	}
	fmt.Fprintln(w, "\nThis cannot prove:")
	for _, u := range r.Unproven {
		fmt.Fprintf(w, "  %s\n", u)
	}
}
