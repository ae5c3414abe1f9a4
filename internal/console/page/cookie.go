package page

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"time"

	"rolegate/internal/i18n"
	"rolegate/internal/login"
)

// What stays in a browser. No script and no other host sees any of it. Lax lets a
// link to a page find its reader logged in; what changes anything is held to our own
// origin besides.
const (
	accessCookie   = "__Host-rolegate-access"
	refreshCookie  = "__Host-rolegate-refresh"
	languageCookie = "__Host-rolegate-language"
	saidCookie     = "__Host-rolegate-said"
	userCookie     = "__Host-rolegate-user"
	zoneCookie     = "__Host-rolegate-zone" // the only one that a script sets: the browser's own time zone
)

// maxCookie bounds what is looked at; ours are shorter.
const maxCookie = 4 << 10

func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil || len(c.Value) > maxCookie {
		return ""
	}
	return c.Value
}

// setCookie keeps a value so long, 0 for as long as the browser is open; an empty one
// is forgotten.
func (v *Visit) setCookie(name, value string, keep time.Duration) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(keep / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(v.W, c)
}

// keep has the browser hold a session's tokens, until it is closed: desks are shared.
func (v *Visit) keep(t *login.Tokens) {
	v.setCookie(accessCookie, t.AccessToken, 0)
	v.setCookie(refreshCookie, t.RefreshToken, 0)
	if t.Device != "" {
		http.SetCookie(v.W, &http.Cookie{Name: login.DeviceCookie, Value: t.Device, Path: "/", MaxAge: int(login.KnownDeviceTTL / time.Second),
			Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	}
}

// LogIn has the browser hold a session; pages that follow find it.
func (v *Visit) LogIn(t *login.Tokens) { v.keep(t) }

// LogOut forgets the session here; ending it is the login service's.
func (v *Visit) LogOut() { v.forget() }

func (v *Visit) forget() {
	v.setCookie(accessCookie, "", 0)
	v.setCookie(refreshCookie, "", 0)
}

// say keeps a sentence for the next page.
func (v *Visit) say(sentence string) {
	v.setCookie(saidCookie, base64.RawURLEncoding.EncodeToString([]byte(sentence)), time.Minute)
}

// said is the sentence that was kept, this once.
func (v *Visit) said() string {
	raw := cookie(v.R, saidCookie)
	if raw == "" || v.HTMX() || v.R.Method == http.MethodHead {
		return ""
	}
	v.setCookie(saidCookie, "", 0)
	b, err := base64.RawURLEncoding.DecodeString(raw)
	if err != nil {
		return ""
	}
	return string(b)
}

// SetLanguage keeps the language that was chosen.
func (v *Visit) SetLanguage(l i18n.Lang) { v.setCookie(languageCookie, string(l), 365*24*time.Hour) }

func language(r *http.Request) i18n.Lang {
	switch chosen := i18n.Lang(cookie(r, languageCookie)); chosen {
	case i18n.English, i18n.Chinese:
		return chosen
	}
	return i18n.Negotiate(r.Header.Get("Accept-Language"))
}

// rememberFor is how long a browser remembers who logs in from it.
const rememberFor = 90 * 24 * time.Hour

// RememberUser has the browser fill in the user name next time; forget it with "".
func (v *Visit) RememberUser(tenant, username string) {
	value := ""
	if username != "" {
		value = url.Values{"tenant": {tenant}, "username": {username}}.Encode()
	}
	if len(value) < maxCookie/2 {
		v.setCookie(userCookie, value, rememberFor)
	}
}

// RememberedUser is who is filled in.
func (v *Visit) RememberedUser() (tenant, username string) {
	values, err := url.ParseQuery(cookie(v.R, userCookie))
	if err != nil {
		return "", ""
	}
	return values.Get("tenant"), values.Get("username")
}

// Zone is the reader's time zone, as the browser names it; UTC where it does not.
func (v *Visit) Zone() *time.Location {
	if name := cookie(v.R, zoneCookie); name != "" && name != "Local" && len(name) < 64 {
		if zone, err := time.LoadLocation(name); err == nil {
			return zone
		}
	}
	return time.UTC
}
