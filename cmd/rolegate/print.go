package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"rolegate/internal/app"
)

// do runs an operation with the settings of the command line and prints its
// result: as JSON, or as text makes it.
func do[Req, Res any](c *cli, op app.Operation[Req, Res], req Req, text func(io.Writer, Res)) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	res, err := op.Do(c.command.Context(), cfg, req)
	if err != nil {
		return err
	}
	if c.json {
		writeJSON(c.stdout, res)
		return nil
	}
	text(c.stdout, res)
	return nil
}

func writeJSON(w io.Writer, v any) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(v)
}

// say is the text of a change that needs no more words.
func say(format string, args ...any) func(io.Writer, app.Change) {
	return func(w io.Writer, _ app.Change) { fmt.Fprintf(w, format+"\n", args...) }
}

// table prints rows under a header, in columns.
func table(w io.Writer, header string, rows [][]string) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, strings.ReplaceAll(header, " ", "\t"))
	for _, r := range rows {
		fmt.Fprintln(tw, strings.Join(r, "\t"))
	}
	tw.Flush()
}

// count is a number of things: "1 rule", "2 rules".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	if stem, ok := strings.CutSuffix(thing, "y"); ok {
		thing = stem + "ie"
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func date(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// lines prints names and values, in columns.
func lines(w io.Writer, rows [][]string) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(tw, strings.Join(r, "\t"))
	}
	tw.Flush()
}
