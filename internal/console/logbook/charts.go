package logbook

import (
	"net/url"
	"time"

	"rolegate/internal/administration"
	"rolegate/internal/audit/search"
	"rolegate/internal/console/page"
)

// counted is what the charts show.
type counted struct {
	Period  string
	Zone    string
	Hours   bool // spans are hours, else days
	Rows    []span
	Total   search.Totals
	Charts  []chart
	Before  time.Time // what is older may be missing
	Unread  int       // entries this release cannot read
	Periods []string
}

// span is an hour or a day with its totals.
type span struct {
	search.Totals
	From, Until time.Time
	Label       string
	Link        string // to its entries
	Denials     string // to its denials alone
	Refusals    string // to its logins
}

// chart is bars of one number over time.
type chart struct {
	Kind  string
	Bars  []bar
	Most  int64
	Sum   int64
	Marks []mark
}

// Geometry of a chart, in its own units.
const (
	chartWidth  = 480
	chartHeight = 120 // of the bars
)

type bar struct {
	X, Y, Width, Height int
	Label               string
	Value               int64
}

type mark struct {
	X     int
	Label string
}

func (p *pages) charts(v *page.Visit, o *administration.Officer) error {
	c := counted{Period: v.Query("period"), Periods: []string{"day", "week", "month"}, Zone: v.Zone().String()}
	now := p.Now().In(v.Zone())
	var moments []time.Time
	switch c.Period {
	case "week", "month":
		n := map[string]int{"week": 7, "month": 30}[c.Period]
		for i := range n + 1 {
			moments = append(moments, time.Date(now.Year(), now.Month(), now.Day()-n+1+i, 0, 0, 0, 0, now.Location()))
		}
	default:
		c.Period, c.Hours = "day", true
		hour := now.Add(-time.Duration(now.Minute())*time.Minute - time.Duration(now.Second())*time.Second - time.Duration(now.Nanosecond()))
		for i := range 25 {
			moments = append(moments, hour.Add(time.Duration(i-23)*time.Hour))
		}
	}
	found, err := o.CountLog(v.Context(), moments)
	if err != nil {
		return err
	}
	c.Before, c.Unread = found.Before, found.Unreadable
	for i, t := range found.Spans {
		c.Rows = append(c.Rows, newSpan(moments[i], moments[i+1], t, c.Hours))
	}
	c.draw()
	return v.Render("charts.html", c)
}

func newSpan(from, until time.Time, t search.Totals, hours bool) span {
	s := span{Totals: t, From: from, Until: until, Label: from.Format("01-02")}
	if hours {
		s.Label = from.Format("15:04")
	}
	to := func(more ...string) string {
		q := url.Values{"from": {from.Format(time.RFC3339)}, "until": {until.Format(time.RFC3339)}}
		for i := 0; i+1 < len(more); i += 2 {
			q.Set(more[i], more[i+1])
		}
		return Home + "?" + q.Encode()
	}
	s.Link, s.Denials, s.Refusals = to(), to("class", "decision", "outcome", "deny"), to("class", "login", "outcome", "deny")
	return s
}

// Key is the chart's text.
func (c chart) Key() string { return "chart." + c.Kind }

// draw makes charts of the numbers, each with a scale of its own: a few denials are
// to be seen beside many grants.
func (c *counted) draw() {
	for _, of := range []struct {
		kind   string
		number func(*search.Totals) int64
	}{
		{"logins", func(t *search.Totals) int64 { return t.LoggedIn }},
		{"refused", func(t *search.Totals) int64 { return t.Refused }},
		{"allowed", func(t *search.Totals) int64 { return t.Allowed }},
		{"denied", func(t *search.Totals) int64 { return t.Denied }},
	} {
		ch := chart{Kind: of.kind}
		for i := range c.Rows {
			n := of.number(&c.Rows[i].Totals)
			ch.Most, ch.Sum = max(ch.Most, n), ch.Sum+n
		}
		step := chartWidth / len(c.Rows)
		for i, s := range c.Rows {
			n := of.number(&s.Totals)
			height := 0
			if n > 0 { // the least is seen, too
				height = max(2, int(float64(n)/float64(ch.Most)*chartHeight))
			}
			ch.Bars = append(ch.Bars, bar{X: i * step, Y: chartHeight - height, Width: max(1, step-3), Height: height, Label: s.Label, Value: n})
			if every := (len(c.Rows) + 5) / 6; i%every == 0 {
				ch.Marks = append(ch.Marks, mark{i * step, s.Label})
			}
		}
		c.Charts = append(c.Charts, ch)
	}
	for _, s := range c.Rows {
		c.Total.LoggedIn += s.LoggedIn
		c.Total.Refused += s.Refused
		c.Total.Allowed += s.Allowed
		c.Total.Denied += s.Denied
	}
}
