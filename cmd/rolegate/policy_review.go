package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
	"rolegate/internal/i18n"
	"rolegate/internal/policy"
	"rolegate/internal/policy/review"
	"rolegate/model"
)

// readPolicy reads a policy file, printing every bad row of it.
func (c *cli) readPolicy(file string) (*policy.Document, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, err
	}
	return c.parsePolicy(file, string(text))
}

func (c *cli) parsePolicy(file, text string) (*policy.Document, error) {
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	doc, err := policy.ParseFor(text, nil, cfg.Limits())
	if err != nil {
		return nil, c.badRows(file, err)
	}
	return doc, nil
}

func (c *cli) policyTest() *cobra.Command {
	var casesFile, catalogFile string
	cmd := &cobra.Command{
		Use: "test [FILE]", Short: "run the cases of a policy: what its authors expect of it", Args: cobra.MaximumNArgs(1),
		Long: `Run cases, questions with the answers that are expected, against a policy. The exit status is 1 if one fails, or if,
with FILE and --tenant, nobody there could change the policy any more under that file.

  rolegate policy test policy.csv --cases cases.yaml            needs no database: nobody is registered, cases make people up
  rolegate policy test policy.csv --cases cases.yaml --tenant T for the people of a tenant, under its catalogue
  rolegate policy test --tenant T                               the policy in force, with the cases kept with it

The form of cases is in docs/policy.md.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var done app.Tested
			var err error
			switch live := cmd.Flags().Changed("tenant"); {
			case live && catalogFile != "":
				return usageError{errors.New("a tenant has its own catalogue; leave --catalog out, or --tenant")}
			case live:
				done, err = c.testThere(args, casesFile)
			case len(args) == 0 || casesFile == "":
				return usageError{errors.New("give FILE and --cases, or --tenant for what is in force there")}
			default:
				done.Results, err = c.testHere(args[0], casesFile, catalogFile)
			}
			if err != nil {
				return err
			}
			return c.tested(cmp.Or(strings.Join(args, " "), "the policy in force"), done)
		},
	}
	cmd.Flags().StringVar(&casesFile, "cases", "", "the cases (YAML)")
	cmd.Flags().StringVar(&catalogFile, "catalog", "", "catalogue (YAML); without one it is the starter catalogue")
	return c.tenantFlag(cmd)
}

// testHere runs cases where nobody is registered.
func (c *cli) testHere(file, casesFile, catalogFile string) ([]model.CaseResult, error) {
	doc, err := c.readPolicy(file)
	if err != nil {
		return nil, err
	}
	catalog, err := readCatalog(catalogFile)
	if catalogFile == "" {
		catalog, err = policy.ParseCatalog(model.StarterCatalog)
	}
	if err != nil {
		return nil, c.badRows(catalogFile, err)
	}
	view, err := policy.Bare(doc, catalog)
	if err != nil {
		return nil, c.badRows(file, err)
	}
	text, err := readFile(casesFile)
	if err != nil {
		return nil, err
	}
	cases, err := review.ParseCases(string(text))
	if err != nil {
		return nil, c.badRows(casesFile, err)
	}
	return cases.Run(view, time.Now()), nil
}

// testThere runs cases for the people of a tenant. What is not given is that in force.
func (c *cli) testThere(args []string, casesFile string) (done app.Tested, err error) {
	r := app.CasesRequest{Tenant: c.tenant}
	read := func(file string) (*string, error) {
		b, err := readFile(file)
		text := string(b)
		return &text, err
	}
	about := casesFile
	if len(args) == 1 {
		if r.Text, err = read(args[0]); err != nil {
			return done, err
		}
		about = args[0]
	}
	if casesFile != "" {
		if r.Cases, err = read(casesFile); err != nil {
			return done, err
		}
	}
	cfg, err := c.config()
	if err != nil {
		return done, err
	}
	done, err = app.TestPolicy.Do(c.command.Context(), cfg, r)
	if model.CodeOf(err) == model.CodeCasesInvalid {
		about = casesFile
	}
	if err != nil {
		return done, c.badRows(about, err)
	}
	return done, nil
}

// tested prints what came of cases, those that failed in full, and what else refuses
// the policy.
func (c *cli) tested(file string, done app.Tested) error {
	results := done.Results
	i18n.Findings(i18n.English, done.Findings)
	i18n.CaseResults(i18n.English, results)
	failed := 0
	for _, r := range results {
		if !r.Passed {
			failed++
		}
	}
	if c.json {
		writeJSON(c.stdout, map[string]any{"passed": len(results) - failed, "failed": failed, "results": append([]model.CaseResult{}, results...),
			"findings": append([]model.Finding{}, done.Findings...)})
	} else {
		for _, r := range results {
			verdict := "ok  "
			if !r.Passed {
				verdict = "FAIL"
			}
			fmt.Fprintf(c.stdout, "%s  %s\n", verdict, r.Name)
			if r.Passed {
				continue
			}
			fmt.Fprintf(c.stdout, "      line %d: %s\n", r.Line, r.Text)
			if r.Rule.Row != "" {
				fmt.Fprintf(c.stdout, "      decided by line %d: %s\n", r.Rule.Line, r.Rule.Row)
			}
		}
		printFindings(c.stdout, file, "the policy in force", done.Findings)
		fmt.Fprintf(c.stdout, "%d passed, %d failed\n", len(results)-failed, failed)
	}
	if failed > 0 || len(done.Findings) > 0 {
		return exitStatus(1)
	}
	return nil
}

func (c *cli) policyDiff() *cobra.Command {
	cmd := &cobra.Command{
		Use: "diff [OLD] NEW", Short: "say what a policy file changes, by the meaning of rows", Args: cobra.RangeArgs(1, 2),
		Long: `Say what a policy file would change: which rows are new, gone, say other things or have another name. Order, blank
lines and other comments make no difference. Two files need no database; one is held against the policy in force.`,
		RunE: func(_ *cobra.Command, args []string) error {
			after, err := c.readPolicy(args[len(args)-1])
			if err != nil {
				return err
			}
			var before *policy.Document
			if len(args) == 2 {
				before, err = c.readPolicy(args[0])
			} else {
				before, err = c.policyInForce()
			}
			if err != nil {
				return err
			}
			changes := review.Diff(before, after)
			i18n.Changes(i18n.English, changes)
			if c.json {
				writeJSON(c.stdout, map[string]any{"changes": append([]model.RowChange{}, changes...)})
				return nil
			}
			printChanges(c.stdout, changes)
			return nil
		},
	}
	return c.tenantFlag(cmd)
}

func (c *cli) policyInForce() (*policy.Document, error) {
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	now, err := app.ExportPolicy.Do(c.command.Context(), cfg, app.FileRequest{Tenant: c.tenant})
	if err != nil {
		return nil, err
	}
	return c.parsePolicy("the policy in force", now.Policy)
}

// printChanges prints sentences, and below each the rows as files have them.
func printChanges(w io.Writer, changes []model.RowChange) {
	for _, ch := range changes {
		fmt.Fprintln(w, ch.Text)
		if ch.Before.Text != "" {
			fmt.Fprintf(w, "  - line %d: %s\n", ch.Before.Line, ch.Before.Text)
		}
		if ch.After.Text != "" {
			fmt.Fprintf(w, "  + line %d: %s\n", ch.After.Line, ch.After.Text)
		}
	}
	if len(changes) == 0 {
		fmt.Fprintln(w, "The two say the same.")
	}
}

// printFindings prints each at its line, the form editors jump to; a row that is
// gone has its line in the other file.
func printFindings(w io.Writer, file, against string, findings []model.Finding) {
	for _, f := range findings {
		at := fmt.Sprintf("%s:%d", file, f.Line)
		switch {
		case f.Line == 0 && f.Row.Line > 0:
			at = fmt.Sprintf("%s:%d", against, f.Row.Line)
		case f.Line == 0:
			at = file
		}
		fmt.Fprintf(w, "%s: %s: %s\n", at, f.Severity, f.Text)
	}
}
