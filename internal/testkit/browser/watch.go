package browser

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// watch is what is seen of a tab's pages besides what they show.
type watch struct {
	own string // begins the addresses that pages may ask for

	mu       sync.Mutex
	troubles []string
	requests []string       // methods and paths, in order
	statuses map[string]int // of the last answer to each page's address
	answer   *bool          // to the next dialog; nil where none is expected
	asked    []string       // what dialogs said
}

// heed takes an event of the tab. It must not wait for the tab to do anything.
func (b *Browser) heed(ev any) {
	w := b.watch
	switch ev := ev.(type) {
	case *page.EventLoadEventFired:
		b.loads.Add(1)
	case *network.EventRequestWillBeSent:
		w.request(ev.Request.Method, ev.Request.URL)
	case *network.EventResponseReceived:
		w.response(ev)
	case *log.EventEntryAdded:
		// What the network says is in the answers, and a page may well be a 401.
		if ev.Entry.Source != log.EntrySourceNetwork && (ev.Entry.Level == log.EntryLevelError || ev.Entry.Level == log.EntryLevelWarning) {
			w.trouble("%s: %s %s", ev.Entry.Source, ev.Entry.Text, ev.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeWarning || ev.Type == runtime.ConsoleAPICalledTypeAssert {
			w.trouble("console %s: %s", ev.Type, words(ev.Args))
		}
	case *runtime.EventExceptionThrown:
		text := ev.ExceptionDetails.Text
		if x := ev.ExceptionDetails.Exception; x != nil {
			text += " " + x.Description
		}
		w.trouble("a script failed: %s", text)
	case *page.EventJavascriptDialogOpening:
		accept := w.dialog(ev.Message)
		go chromedp.Call(b.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: accept})
	}
}

func words(args []*runtime.RemoteObject) string {
	var all []string
	for _, a := range args {
		if len(a.Value) > 0 {
			all = append(all, string(a.Value))
		} else {
			all = append(all, a.Description)
		}
	}
	return strings.Join(all, " ")
}

func (w *watch) trouble(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.troubles = append(w.troubles, fmt.Sprintf(format, args...))
}

func (w *watch) request(method, address string) {
	path, ours := strings.CutPrefix(address, w.own)
	switch {
	case ours:
		w.mu.Lock()
		w.requests = append(w.requests, method+" /"+path)
		w.mu.Unlock()
	case strings.HasPrefix(address, "data:"), address == "about:blank":
	default:
		w.trouble("a request to another place: %s %s", method, address)
	}
}

func (w *watch) response(ev *network.EventResponseReceived) {
	status := int(ev.Response.Status)
	if ev.Type == network.ResourceTypeDocument {
		w.mu.Lock()
		if w.statuses == nil {
			w.statuses = map[string]int{}
		}
		w.statuses[ev.Response.URL] = status
		w.mu.Unlock()
		return
	}
	if status == 404 || status >= 500 { // a part that htmx asks for may be a problem, told as one
		w.trouble("%s answers %d", ev.Response.URL, status)
	}
}

func (w *watch) dialog(message string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, message)
	if w.answer == nil {
		w.troubles = append(w.troubles, "a dialog opens: "+message)
		return false
	}
	yes := *w.answer
	w.answer = nil
	return yes
}

// Troubles are what pages did wrong so far; whoever takes them answers for them.
func (b *Browser) Troubles() []string {
	b.watch.mu.Lock()
	defer b.watch.mu.Unlock()
	t := b.watch.troubles
	b.watch.troubles = nil
	return t
}

// Requests are what pages asked for so far, as "GET /path?query", in order.
func (b *Browser) Requests() []string {
	b.watch.mu.Lock()
	defer b.watch.mu.Unlock()
	return slices.Clone(b.watch.requests)
}

// Status is what the page was answered with.
func (b *Browser) Status() int {
	b.T.Helper()
	at, _, _ := strings.Cut(Eval[string](b, "location.href"), "#")
	b.watch.mu.Lock()
	defer b.watch.mu.Unlock()
	return b.watch.statuses[at]
}

// Confirm answers the next dialog with yes or no; one that nobody expects is trouble.
func (b *Browser) Confirm(yes bool) *Browser {
	b.watch.mu.Lock()
	defer b.watch.mu.Unlock()
	b.watch.answer = &yes
	return b
}

// Asked are what dialogs said so far.
func (b *Browser) Asked() []string {
	b.watch.mu.Lock()
	defer b.watch.mu.Unlock()
	return slices.Clone(b.watch.asked)
}
