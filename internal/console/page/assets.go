package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"mime"
	"net/http"
	"path"

	"rolegate/model"
)

// Files of ours and of htmx 2.0.11 and Pico CSS 2.1.1, as their authors publish them;
// a test holds those to the digests of their releases.
//
//go:embed assets templates states
var files embed.FS

// assets are the files that pages load, by address. It has their digest in it, so a
// browser keeps them for good, and never an older one than its page wants.
var assets, addresses = func() (map[string][]byte, map[string]string) {
	bodies, at := map[string][]byte{}, map[string]string{}
	for _, name := range []string{"pico.min.css", "app.css", "htmx.min.js", "app.js", "icon.svg"} {
		b, err := files.ReadFile("assets/" + name)
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(b)
		at[name] = "/assets/" + base64.RawURLEncoding.EncodeToString(sum[:9]) + "/" + name
		bodies[at[name]] = b
	}
	return bodies, at
}()

// asset is the address of a file.
func asset(name string) string { return addresses[name] }

func (a *Area) addAssets() {
	a.Public(http.MethodGet, "/assets/{digest}/{name}", func(v *Visit) error {
		body, ok := assets[v.R.URL.Path]
		if !ok {
			return &model.Error{Code: model.CodeNotFound}
		}
		h := v.W.Header()
		h.Set("Content-Type", mime.TypeByExtension(path.Ext(v.R.URL.Path)))
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		v.W.Write(body) // an error means the reader is gone
		return nil
	})
}
