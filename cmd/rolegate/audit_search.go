package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rolegate/api"
	"rolegate/internal/app"
	"rolegate/internal/audit/search"
)

const logTime = "2006-01-02 15:04:05.000000"

func (c *cli) auditSearch() *cobra.Command {
	r := app.LogRequest{Parameters: map[string]string{}}
	values := map[string]*string{}
	cmd := &cobra.Command{
		Use: "search", Short: "find entries of the log by all that is asked for; the search is an entry itself", Args: cobra.NoArgs,
		Long: "Finds entries of a tenant, newest first. What an entry seals is not shown on the host: that is for holders of the\noffice audit-admin, over the API. Times are UTC.",
		Example: "  rolegate audit search --object contact:4711 --action delete\n" +
			"  rolegate audit search --subject user:ann --outcome deny --from 2026-11-01T00:00:00Z --limit 20",
		RunE: func(cmd *cobra.Command, _ []string) error {
			r.Tenant = c.tenant
			if err := ofOneTenant(cmd, r.Platform); err != nil {
				return err
			}
			if r.Limit < 1 {
				return usageError{fmt.Errorf("--limit %d lists nothing; it is at least 1", r.Limit)}
			}
			for name, v := range values {
				if r.Parameters[name] = *v; cmd.Flags().Changed(flagOf(name)) && *v == "" {
					return usageError{fmt.Errorf("--%s is empty", flagOf(name))}
				}
			}
			if _, err := search.Parse(r.Parameters); err != nil {
				return usageError{fmt.Errorf("--%s", strings.Replace(err.Error(), "trace_id", "trace-id", 1))}
			}
			return do(c, app.SearchLog, r, printLog)
		},
	}
	f := cmd.Flags()
	for _, p := range search.Parameters {
		values[p.Name] = f.String(flagOf(p.Name), "", p.About)
	}
	f.StringVar(&r.Order, "order", string(search.Newest), "newest or oldest first")
	f.IntVar(&r.Limit, "limit", 50, fmt.Sprintf("show at most so many, up to %d", app.MaxHostPage))
	f.StringVar(&r.After, "after", "", "go on where an earlier search ended, with the same flags")
	f.BoolVar(&r.Platform, "platform", false, "entries that belong to no tenant: starts, keys, commands")
	return c.tenantFlag(cmd)
}

// ofOneTenant refuses to be asked for a tenant's entries and for those of none.
func ofOneTenant(cmd *cobra.Command, platform bool) error {
	if platform && cmd.Flags().Changed("tenant") {
		return usageError{errors.New("either --tenant or --platform")}
	}
	return nil
}

func flagOf(parameter string) string { return strings.ReplaceAll(parameter, "_", "-") }

func printLog(w io.Writer, p app.LogPage) {
	var rows [][]string
	for _, e := range p.Entries {
		rows = append(rows, []string{strconv.FormatInt(e.Index, 10), e.Time.UTC().Format(logTime), e.Class, e.Activity, outcomeOf(e) + timesOf(e),
			cmp.Or(e.Object, "-"), cmp.Or(e.Action, "-"), cmp.Or(e.Rule, "-"), cmp.Or(e.Client, e.Actor)})
	}
	table(w, "INDEX TIME-UTC CLASS ACTIVITY OUTCOME OBJECT ACTION RULE BY", rows)
	if p.Unreadable > 0 {
		fmt.Fprintf(w, "\n%s could not be read: `rolegate audit verify` says what is wrong with the log\n", countEntries(p.Unreadable))
	}
	if p.EndedEarly {
		fmt.Fprintf(w, "\nlooked at %s, and there are others\n", countEntries(p.Looked))
	}
	if p.Next != "" {
		fmt.Fprintf(w, "\nmore with --after %s\n", p.Next)
	}
}

func countEntries(n int) string { return count(n, "entry") }

func outcomeOf(e api.AuditEntry) string {
	if e.Code == "" || e.Code == e.Outcome {
		return e.Outcome
	}
	return e.Outcome + ":" + e.Code
}

// timesOf tells of an entry that stands for many denials how many they are.
func timesOf(e api.AuditEntry) string {
	if e.Since == nil {
		return ""
	}
	return "×" + strconv.FormatInt(e.Count, 10)
}

func (c *cli) auditShow() *cobra.Command {
	r := app.LogRequest{}
	cmd := &cobra.Command{
		Use: "show INDEX", Short: "show one entry of the log; to have looked is an entry itself", Args: cobra.ExactArgs(1),
		Long: "Shows an entry of a tenant by its place in the log. What it seals is not opened on the host: that is for holders of\nthe office audit-admin, over the API.",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			r.Tenant = c.tenant
			if err := ofOneTenant(cmd, r.Platform); err != nil {
				return err
			}
			if r.Index, err = strconv.ParseInt(args[0], 10, 62); err != nil || r.Index < 0 {
				return usageError{fmt.Errorf("%q is no place in the log: they are numbered from 0", args[0])}
			}
			return do(c, app.ShowEntry, r, printEntry)
		},
	}
	cmd.Flags().BoolVar(&r.Platform, "platform", false, "an entry that belongs to no tenant")
	return c.tenantFlag(cmd)
}

// printEntry shows what is there, a line each.
func printEntry(w io.Writer, e api.AuditEntry) {
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	since := ""
	if e.Since != nil {
		since = e.Since.UTC().Format(logTime) + " UTC"
	}
	var rows [][]string
	for _, line := range [][]string{
		{"index", strconv.FormatInt(e.Index, 10)}, {"leaf hash", e.LeafHash}, {"time", e.Time.UTC().Format(logTime) + " UTC"}, {"class", e.Class},
		{"activity", e.Activity}, {"outcome", e.Outcome}, {"code", e.Code}, {"object", e.Object}, {"action", e.Action}, {"rule", e.Rule},
		{"roles", strings.Join(e.Roles, ", ")}, {"revision", number(e.Revision)}, {"policy", e.PolicyHash}, {"policy before", e.PreviousPolicyHash},
		{"by", e.Actor}, {"client", e.Client}, {"acr", e.ACR}, {"trace id", e.TraceID}, {"count", number(e.Count)}, {"since", since},
		{"source", e.Source + "#" + strconv.FormatInt(e.Seq, 10)}, {"act", e.Act.Kind},
	} {
		if line[1] != "" {
			rows = append(rows, line)
		}
	}
	for i, m := range e.Members {
		rows = append(rows, []string{fmt.Sprintf("member %d", i), strings.Join(strings.Fields(strings.Join([]string{m.Outcome, m.Code, m.Object, m.Action, m.Rule}, " ")), " ")})
	}
	for _, s := range e.Sealed {
		rows = append(rows, []string{"sealed", fmt.Sprintf("for %s, %s, %s", s.Ref, s.Epoch, s.State)})
	}
	lines(w, rows)
}
