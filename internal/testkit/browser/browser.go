package browser

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"rolegate/internal/testkit"
)

// patience is how long a page may take to become what a test waits for.
const patience = 20 * time.Second

// Widths of the two screens that pages are made for, in CSS pixels.
const (
	Desktop = 1280
	Phone   = 390
)

// Browser is a tab of one person's browser. Its steps end the test that they fail in.
type Browser struct {
	T testing.TB
	K *testkit.Kit

	ctx   context.Context
	loads atomic.Int64 // pages that were loaded
	watch *watch
}

// Open gives a person their own browser, with nothing in it: a desktop, set to English.
// It is closed when the test ends, and fails it by what its pages did wrong.
func Open(t testing.TB, k *testkit.Kit) *Browser {
	t.Helper()
	return open(t, k, chromium.open(t), chromedp.WithNewBrowserContext())
}

// Tab is another tab of the browser.
func (b *Browser) Tab() *Browser {
	b.T.Helper()
	return open(b.T, b.K, b.ctx)
}

func open(t testing.TB, k *testkit.Kit, in context.Context, options ...chromedp.ContextOption) *Browser {
	t.Helper()
	b := &Browser{T: t, K: k, watch: &watch{own: k.URL + "/"}}
	ctx, cancel := chromedp.NewContext(in, options...)
	b.ctx = ctx
	t.Cleanup(func() {
		cancel()
		for _, trouble := range b.Troubles() {
			t.Errorf("in the browser: %s", trouble)
		}
	})
	b.must("listen", chromedp.Listen(ctx, b.heed))
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	b.must("watch the network", err)
	_, err = chromedp.Call(ctx, log.Enable, cdp.Empty{})
	b.must("watch the console", err)
	return b.Width(Desktop).Language("en")
}

// Language is what the browser asks pages for, as Accept-Language.
func (b *Browser) Language(tag string) *Browser {
	b.T.Helper()
	_, err := chromedp.Call(b.ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": tag}})
	b.must("set the language", err)
	return b
}

// Dark has the browser prefer pages that are dark, or again light.
func (b *Browser) Dark(on bool) *Browser {
	b.T.Helper()
	scheme := &emulation.MediaFeature{Name: "prefers-color-scheme", Value: map[bool]string{true: "dark", false: "light"}[on]}
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{scheme}})
	b.must("set the colours", err)
	return b
}

// Width makes the screen so wide, in CSS pixels, with a phone's or a desktop's height.
func (b *Browser) Width(px int64) *Browser {
	b.T.Helper()
	height := int64(900)
	if px <= Phone {
		height = 844
	}
	b.do("set the width", chromedp.EmulateViewport(px, height))
	return b
}

// Go opens a page by its path.
func (b *Browser) Go(path string) *Browser {
	b.T.Helper()
	b.do("open "+path, chromedp.Navigate(b.K.URL+path))
	return b
}

// Reload opens the page anew.
func (b *Browser) Reload() *Browser {
	b.T.Helper()
	b.do("reload", chromedp.Reload())
	return b
}

// Back goes back by the browser's button.
func (b *Browser) Back() *Browser {
	b.T.Helper()
	b.do("go back", chromedp.NavigateBack())
	return b
}

// Click presses with the mouse what a CSS selector finds, once it is there.
func (b *Browser) Click(selector string) *Browser {
	b.T.Helper()
	b.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
	return b
}

// Submit is Click that waits for the page it leads to.
func (b *Browser) Submit(selector string) *Browser {
	b.T.Helper()
	return b.Loading("click "+selector, func() { b.Click(selector) })
}

// Loading waits until what f does has loaded a page.
func (b *Browser) Loading(what string, f func()) *Browser {
	b.T.Helper()
	before := b.loads.Load()
	f()
	b.until(what+" loads a page", func() (bool, error) { return b.loads.Load() > before, nil })
	return b
}

// Fill has a field say this, typed key by key. (chromedp.Clear empties the attribute, and
// leaves what was typed before.)
func (b *Browser) Fill(selector, text string) *Browser {
	b.T.Helper()
	b.Wait(selector)
	Eval[any](b, fmt.Sprintf(`void (document.querySelector(%q).value = "")`, selector))
	b.do("fill "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
	return b
}

// Put is Fill at once, for long texts.
func (b *Browser) Put(selector, text string) *Browser {
	b.T.Helper()
	b.do("put into "+selector, chromedp.SetValue(chromedp.CSS(selector), text))
	return b
}

// Upload chooses files in a field.
func (b *Browser) Upload(selector string, files ...string) *Browser {
	b.T.Helper()
	b.do("choose a file for "+selector, chromedp.SetUploadFiles(chromedp.CSS(selector), files))
	return b
}

// Keys of the keyboard that Press takes, besides characters.
const (
	Tab    = kb.Tab
	Enter  = kb.Enter
	Escape = kb.Escape
	Down   = kb.ArrowDown
)

// Press presses keys, wherever the focus is.
func (b *Browser) Press(keys string) *Browser {
	b.T.Helper()
	b.do("press keys", chromedp.KeyEvent(keys))
	return b
}

// ShiftTab goes to the control before.
func (b *Browser) ShiftTab() *Browser {
	b.T.Helper()
	b.do("press Shift and Tab", chromedp.KeyEvent(Tab, chromedp.KeyModifiers(chromedp.ModifierShift)))
	return b
}

// Wait waits until a selector finds something that is visible.
func (b *Browser) Wait(selector string) *Browser {
	b.T.Helper()
	b.do("see "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
	return b
}

// WaitPath waits until the page is the one of a path.
func (b *Browser) WaitPath(path string) *Browser {
	b.T.Helper()
	at := ""
	b.until("the page is "+path, func() (ok bool, err error) {
		at, err = eval[string](b, `document.readyState === "complete" ? location.pathname : ""`)
		return at == path, err
	})
	return b
}

// WaitText waits until the elements of a selector say something with this in it.
func (b *Browser) WaitText(selector, text string) *Browser {
	b.T.Helper()
	b.until(selector+" says "+text, func() (bool, error) {
		got, err := eval[string](b, fmt.Sprintf(texts, selector))
		return strings.Contains(got, text), err
	})
	return b
}

const texts = `Array.from(document.querySelectorAll(%q), (e) => e.innerText ?? e.textContent).join("\n")`

// Text is what the elements of a selector say to a reader, each on a line.
func (b *Browser) Text(selector string) string {
	b.T.Helper()
	return Eval[string](b, fmt.Sprintf(texts, selector))
}

// Value is what the field of a selector holds.
func (b *Browser) Value(selector string) string {
	b.T.Helper()
	return Eval[string](b, fmt.Sprintf(`document.querySelector(%q).value`, selector))
}

// Has tells whether a selector finds anything.
func (b *Browser) Has(selector string) bool {
	b.T.Helper()
	return Eval[bool](b, fmt.Sprintf(`document.querySelector(%q) !== null`, selector))
}

// Path is that of the page, with its query.
func (b *Browser) Path() string {
	b.T.Helper()
	u, err := url.Parse(Eval[string](b, "location.href"))
	b.must("read the address", err)
	return u.RequestURI()
}

// Eval is the value of a script's expression on the page; a promise is waited for.
func Eval[V any](b *Browser, expression string) V {
	b.T.Helper()
	v, err := eval[V](b, expression)
	b.must(expression, err)
	return v
}

func eval[V any](b *Browser, expression string) (V, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[V](expression, chromedp.EvalAwaitPromise))
}

// Opened is the tab that f opens, by a link to a new one.
func (b *Browser) Opened(f func()) *Browser {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	found := chromedp.WaitNewTarget(ctx, func(i *target.Info) bool { return i.Type == "page" && i.URL != "" })
	f()
	select {
	case id := <-found:
		return open(b.T, b.K, b.ctx, chromedp.WithTargetID(id))
	case <-ctx.Done():
		b.T.Fatal("no tab was opened")
		return nil
	}
}

// LogIn logs a person in by the forms, with a code of their device.
func (b *Browser) LogIn(p *testkit.Person) *Browser {
	b.T.Helper()
	return b.Go("/login").Enter(p)
}

// Enter goes on with a login from the page that asks for the password.
func (b *Browser) Enter(p *testkit.Person) *Browser {
	b.T.Helper()
	b.Wait("#username").Fill("#username", p.ID).Fill("#password", testkit.Password).Submit(`form[action="/login"] button:not([type])`)
	b.Fill("#code", b.K.NextCode(p)).Submit(`form[action="/login/code"] button`)
	if at := b.Path(); at == "/login" || strings.HasPrefix(at, "/login/code") || strings.HasPrefix(at, "/login?") {
		b.T.Fatalf("%s is not logged in; %s says: %s", p.ID, at, b.Text("main"))
	}
	return b
}

// StepUp enters a code of the person's device where the page asks for one, and waits
// until what it interrupted has gone on.
func (b *Browser) StepUp(p *testkit.Person) *Browser {
	b.T.Helper()
	b.Wait(`form[action="/step-up"] #code`).Fill("#code", b.K.NextCode(p)).Submit(`form[action="/step-up"] button`)
	b.until("the form goes on", func() (bool, error) {
		return eval[bool](b, `document.readyState === "complete" && !document.querySelector("form[data-sends-itself]")`)
	})
	return b
}

func (b *Browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	b.must(what, chromedp.Do(ctx, steps...))
}

// Until waits for a condition of the test's own.
func (b *Browser) Until(what string, yes func() bool) *Browser {
	b.T.Helper()
	b.until(what, func() (bool, error) { return yes(), nil })
	return b
}

// until asks again and again until the answer is yes. A page that goes away while it
// is asked has not answered.
func (b *Browser) until(what string, yes func() (bool, error)) {
	b.T.Helper()
	deadline, again := time.After(patience), time.NewTicker(15*time.Millisecond)
	defer again.Stop()
	for {
		ok, err := yes()
		if ok && err == nil {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			b.must(what, errors.Join(errors.New("waited too long"), err))
		}
	}
}

func (b *Browser) must(what string, err error) {
	b.T.Helper()
	if err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Second)
	defer cancel()
	page, none := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	if none != nil {
		page = "no page"
	}
	b.T.Fatalf("%s: %v\n%s\n%s", what, err, page, strings.Join(b.Troubles(), "\n"))
}
