// Package browser opens the pages of a running service in a real browser, Debian's
// Chromium without a window. It appears in tests only.
//
//	func TestMain(m *testing.M) { browser.Main(m) }
//
//	b := browser.Open(t, kit)          // one person's browser: its own cookies
//	b.LogIn(ann)                       // by the forms, with a real code
//	b.Go("/account").Click("text=…")   // and whatever a person does
//	b.Check("account")                 // axe, width, and a picture where -shots asks for one
//
// Whatever a page should not do fails the test by itself: a request to anywhere but the
// service, a breach of the page's Content-Security-Policy, a script that fails, a file
// that is not there, a dialog that no one expects.
//
//	-args -shots DIR  keeps pictures of pages there
//	CI=true           a missing Chromium fails the test instead of skipping it
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// Main runs the tests of a package that opens browsers: it ends the Chromium they
// share, and then looks for goroutines that were left.
func Main(m *testing.M) { goleak.VerifyTestMain(shared{m}) }

type shared struct{ m *testing.M }

// Run is for goleak.
func (s shared) Run() int {
	chromium.may = true
	code := s.m.Run()
	if err := chromium.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop Chromium:", err)
		return max(code, 1)
	}
	return code
}

// chromium is the one process of the test binary, started when the first test asks. The
// kernel ends it should the tests end without Main.
var chromium process

type process struct {
	may bool // Main runs, and will stop it

	mu      sync.Mutex
	started bool
	ctx     context.Context
	free    func()
	err     error
}

var errMissing = errors.New("chromium is not installed (Debian: apt-get install chromium fonts-noto-cjk)")

// open is the context of the process.
func (p *process) open(t testing.TB) context.Context {
	t.Helper()
	if !p.may {
		t.Fatal("the package's TestMain is not browser.Main")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.started {
		p.started = true
		p.err = p.start()
	}
	if errors.Is(p.err, errMissing) && os.Getenv("CI") != "true" {
		t.Skip(p.err)
	}
	if p.err != nil {
		t.Fatal(p.err)
	}
	return p.ctx
}

func (p *process) start() error {
	program, err := exec.LookPath("chromium")
	if err != nil {
		return errMissing
	}
	// What Chromium leaves when it ends becomes ours to bury: the first process of a
	// container may not.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	ctx, free := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program),
		chromedp.DisableGPU,
		// No name is looked up: neither a page nor Chromium itself reaches anybody.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"),
		chromedp.Flag("disable-component-update", true),
	)...)
	p.ctx, _ = chromedp.NewContext(ctx)
	p.free = free
	if err := chromedp.Do(p.ctx); err != nil {
		free()
		return fmt.Errorf("start Chromium: %w", err)
	}
	return nil
}

func (p *process) stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.started || p.err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	err := chromedp.Cancel(ctx)
	p.free()
	return errors.Join(err, bury())
}

// bury waits for the children of ours that were Chromium's and have ended, or are about
// to: each ends when its connection to the first of them does.
func bury() error {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		return err
	}
	for _, list := range lists {
		children, err := os.ReadFile(list)
		if err != nil {
			continue // of a thread that has ended
		}
		for field := range strings.FieldsSeq(string(children)) {
			name, _ := os.ReadFile("/proc/" + field + "/comm")
			pid, err := strconv.Atoi(field)
			if err != nil || !strings.HasPrefix(string(name), "chrom") {
				continue
			}
			if _, err := unix.Wait4(pid, nil, 0, nil); err != nil && !errors.Is(err, unix.ECHILD) {
				return err
			}
		}
	}
	return nil
}
