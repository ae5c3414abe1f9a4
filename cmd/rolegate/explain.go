package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
	"rolegate/model"
)

func (c *cli) policyExplain() *cobra.Command {
	var q asked
	var file string
	r := app.ExplainRequest{}
	cmd := &cobra.Command{
		Use: "explain", Short: "say why somebody may or may not do something", Args: cobra.NoArgs,
		Long: `Say why somebody may or may not do something to a record: every reason, who came by which role how,
what was nearly enough, and which roles would help. The question is asked as a CRM backend asks it, without
the person's token; a registered record brings its stored attributes.

  rolegate policy explain --subject user:ann --action read --resource contact:101 --property owner=bob

Properties are text (owner=17) or JSON (amount:=5, teams:='["emea"]'). A resource without an id asks about
no record in particular. With --question the whole question is read from a file, as POST /v1/explain takes it.`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			r.Tenant = c.tenant
			if file == "" {
				r.Question, err = q.question()
			} else if r.Question, err = readFile(file); err == nil && q.given() {
				err = usageError{fmt.Errorf("give either --question or the question's parts")}
			}
			if err != nil {
				return err
			}
			return do(c, app.ExplainPolicy, r, printExplanation)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.subject, "subject", "", "who, such as user:ann")
	f.StringVar(&q.action, "action", "", "what is to be done, such as read")
	f.StringVar(&q.resource, "resource", "", "to which record, such as contact:101; contact alone is any contact")
	f.StringArrayVar(&q.properties, "property", nil, "an attribute of the record, name=text or name:=JSON; may be repeated")
	f.StringArrayVar(&q.context, "context", nil, "a member of the request's context, such as ip=10.0.0.7; may be repeated")
	f.BoolVar(&q.whoCould, "who-could", false, "also list who could do this, proof of identity aside")
	f.StringVar(&file, "question", "", "read the question from a JSON file instead; - reads standard input")
	f.IntVar(&r.Limit, "limit", 100, "list so many of those who could")
	f.StringVar(&r.After, "after", "", "list those behind this id")
	return c.tenantFlag(cmd)
}

// asked is a question as flags give it.
type asked struct {
	subject, action, resource string
	properties, context       []string
	whoCould                  bool
}

func (q asked) given() bool {
	return q.subject+q.action+q.resource != "" || len(q.properties)+len(q.context) > 0 || q.whoCould
}

// question spells the question as the API takes it; whether it makes sense is
// found out there.
func (q asked) question() ([]byte, error) {
	if q.subject == "" || q.action == "" || q.resource == "" {
		return nil, usageError{fmt.Errorf("--subject, --action and --resource are needed, or --question")}
	}
	typ, id, found := strings.Cut(q.subject, ":")
	if !found {
		return nil, usageError{fmt.Errorf("--subject %s is not spelled type:id, such as user:ann", q.subject)}
	}
	object, record, found := strings.Cut(q.resource, ":")
	if !found {
		record = model.AnyRecord
	}
	properties, err := members("--property", q.properties)
	if err != nil {
		return nil, err
	}
	context, err := members("--context", q.context)
	if err != nil {
		return nil, err
	}
	resource := map[string]any{"type": object, "id": record}
	if len(properties) > 0 {
		resource["properties"] = properties
	}
	return json.Marshal(map[string]any{"subject": map[string]any{"type": typ, "id": id}, "action": map[string]any{"name": q.action},
		"resource": resource, "context": context, "who_could": q.whoCould})
}

// members reads name=text and name:=JSON.
func members(flag string, given []string) (map[string]any, error) {
	out := map[string]any{}
	for _, s := range given {
		name, value, found := strings.Cut(s, "=")
		name, isJSON := strings.CutSuffix(name, ":")
		switch _, twice := out[name]; {
		case !found || name == "":
			return nil, usageError{fmt.Errorf("%s %s is neither name=text nor name:=JSON", flag, s)}
		case twice:
			return nil, usageError{fmt.Errorf("%s names %s twice", flag, name)}
		case !isJSON:
			out[name] = value
		case !json.Valid([]byte(value)):
			return nil, usageError{fmt.Errorf("%s %s: what follows := is no JSON", flag, s)}
		default:
			out[name] = json.RawMessage(value)
		}
	}
	return out, nil
}

// printExplanation prints an explanation for people.
func printExplanation(w io.Writer, e model.Explanation) {
	answer := "NO"
	if e.Allow {
		answer = "YES"
	}
	fmt.Fprintf(w, "%s: %s\n(%s, revision %d)\n", answer, e.Text, e.Code, e.Revision)
	if e.StepUp != nil && !e.Allow {
		fmt.Fprintf(w, "To be proven: level %d%s\n", e.StepUp.ACR, within(e.StepUp.MaxAge))
	}
	for _, g := range e.Gates {
		fmt.Fprintf(w, "  closed: %s\n", g.Text)
	}
	for _, a := range e.Actions {
		fmt.Fprintf(w, "\n%s%s: %s\n", a.Action, requiredBy(a), a.Code)
		for _, r := range a.Reasons {
			printReason(w, reasonWords[r.Kind], r)
		}
		for _, r := range a.Misses {
			printReason(w, reasonWords[r.Kind], r)
		}
		if n := a.LeftOut + a.Unlisted; n > 0 {
			fmt.Fprintf(w, "  (%d more rows are not listed)\n", n)
		}
	}
	if len(e.WouldHelp) > 0 {
		fmt.Fprintf(w, "\nWith one of these roles it would be allowed: %s\n", strings.Join(e.WouldHelp, ", "))
	}
	if e.WhoCould != nil {
		printWhoCould(w, e)
	}
}

var reasonWords = map[model.ReasonKind]string{
	model.ReasonGate: "closed", model.ReasonGrant: "granted", model.ReasonDenial: "denied", model.ReasonNarrowing: "narrowed",
	model.ReasonRestriction: "restricted", model.ReasonAssurance: "to be proven", model.ReasonField: "closed field", model.ReasonMiss: "not enough",
}

func printReason(w io.Writer, word string, r model.Reason) {
	fmt.Fprintf(w, "  %s: %s\n", word, r.Text)
	if r.Rule == nil {
		return
	}
	name := ""
	if r.Rule.Name != "" {
		name = " # " + r.Rule.Name
	}
	fmt.Fprintf(w, "    line %d: %s%s\n", r.Rule.Line, r.Rule.Row, name)
	for _, p := range r.Paths[min(1, len(r.Paths)):] {
		fmt.Fprintf(w, "    also by %s%s\n", strings.Join(p.Path, " → "), window(p.From, p.Until))
	}
	if r.More > 0 {
		fmt.Fprintf(w, "    and by %d more assignments\n", r.More)
	}
}

func printWhoCould(w io.Writer, e model.Explanation) {
	who := make([]string, len(e.WhoCould.Results))
	for i, id := range e.WhoCould.Results {
		who[i] = e.WhoCould.Type + ":" + id
	}
	switch {
	case len(who) > 0:
		fmt.Fprintf(w, "\nWho could, proof of identity aside: %s\n", strings.Join(who, ", "))
	case e.WhoCould.Next == "":
		fmt.Fprintln(w, "\nNobody could.")
	}
	if e.WhoCould.Next != "" {
		fmt.Fprintf(w, "There may be more: --after %s\n", e.WhoCould.Next)
	}
}

func requiredBy(a model.ActionReasons) string {
	if a.RequiredBy == "" {
		return ""
	}
	return ", which " + a.RequiredBy + " requires"
}

func within(seconds int) string {
	if seconds == 0 {
		return ""
	}
	return fmt.Sprintf(", at most %d s ago", seconds)
}
