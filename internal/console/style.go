package console

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
)

// style is the style sheet of all pages, inline so that a page needs no second
// request. The Content-Security-Policy names it by its hash.
const style template.CSS = `
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif; color: #1b1f24; background: #fff; }
h1 { font-size: 1.4rem; }
section + section { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid #d0d7de; }
pre { padding: .8rem; overflow-x: auto; background: #f3f5f7; border-radius: .3rem; user-select: all; }
code { font-family: ui-monospace, monospace; font-size: .9em; }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117; } pre { background: #161b22; } section + section { border-color: #30363d; } }
`

// contentSecurityPolicy lets a page have its style sheet and nothing else: no
// script, no image, no form, no frame.
var contentSecurityPolicy = "default-src 'none'; style-src '" + hash(style) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func hash(css template.CSS) string {
	sum := sha256.Sum256([]byte(css))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
