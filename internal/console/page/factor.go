package page

import (
	"encoding/base64"
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rolegate/internal/i18n"
	"rolegate/internal/login"
	"rolegate/internal/password"
	"rolegate/internal/totp"
	"rolegate/model"
)

// What people meet wherever they choose a password or enrol a device, at the entrance
// and in their account: templates/factor.html shows it.

// Code is the one-time code of a form, without what apps and input methods put around
// its digits: blanks between them, and digits of full width.
func (v *Visit) Code() string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '\u00a0' || r == '\u3000':
			return -1
		case '０' <= r && r <= '９':
			return r - '０' + '0'
		}
		return r
	}, v.Form("code"))
}

// Device is a new device as people are shown it. It is made of its otpauth address
// alone, which its form carries: after a wrong code the same picture is shown again,
// and the service need not tell its secret twice.
type Device struct {
	address string
	at      *url.URL
}

const (
	beginsDevice = "otpauth://totp/"
	maxDevice    = 2 << 10
)

// NewDevice reads an otpauth address; one that is none is CodeInvalidRequest.
func NewDevice(address string) (Device, error) {
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, beginsDevice) || len(address) > maxDevice || u.Query().Get("secret") == "" {
		return Device{}, model.Errorf(model.CodeInvalidRequest, "this is not the address of a device")
	}
	return Device{address, u}, nil
}

// Address is what it is made of.
func (d Device) Address() string { return d.address }

// Link is the address, to open an authenticator that is on the same phone.
func (d Device) Link() template.URL { return template.URL(d.address) } // begins with otpauth:

// Secret is the key to type, in base32.
func (d Device) Secret() string { return d.at.Query().Get("secret") }

// Groups are the secret in groups of four, as it is typed.
func (d Device) Groups() string {
	var groups []string
	for four := range slices.Chunk([]rune(d.Secret()), 4) {
		groups = append(groups, string(four))
	}
	return strings.Join(groups, " ")
}

// Account is what the authenticator will call it: "Rolegate (crm.example.com):ann".
func (d Device) Account() string { return strings.TrimPrefix(d.at.Path, "/") }

// Picture is the QR code of the address, in one.
func (d Device) Picture() (template.URL, error) {
	png, err := totp.QR(d.address)
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png)), err
}

// Codes are new recovery codes, which a page shows this once.
type Codes struct {
	Codes   []string
	Account string // of whom, "" where that is not known
	Next    string // where to go when they are saved
	Made    time.Time
}

// Lines are the codes, each on a line.
func (c Codes) Lines() string { return strings.Join(c.Codes, "\n") }

// File is the address of a text file of what heads it and the codes, all in one, so that
// it is saved without a script, and without the codes being sent again.
func (c Codes) File(heads ...string) template.URL {
	lines := append(slices.Clone(heads), c.Codes...)
	text := "\uFEFF" + strings.Join(lines, "\r\n") + "\r\n"
	return template.URL("data:text/plain;charset=utf-8;base64," + base64.StdEncoding.EncodeToString([]byte(text)))
}

// Strength is what a password is worth, in the reader's language.
type Strength struct {
	Score      int // 0 to 4
	Acceptable bool
	Reasons    []string // why it is not accepted
	Hints      []string // what makes it weaker than it looks
}

// Strength tells a strength.
func (v *Visit) Strength(s login.Strength) *Strength {
	told := &Strength{Score: s.Score, Acceptable: len(s.Reasons) == 0}
	for _, r := range s.Reasons {
		told.Reasons = append(told.Reasons, i18n.PasswordReason(v.Lang, string(r), strconv.Itoa(s.Limit(r))))
	}
	for _, h := range s.Hints {
		told.Hints = append(told.Hints, i18n.PasswordHint(v.Lang, string(h)))
	}
	return told
}

// Passwords are the lengths that a new password is held to: alone, with a second
// factor, and at most.
func (l Look) Passwords() (limits struct{ Alone, MFA, Most int }) {
	limits.Alone, limits.MFA, limits.Most = password.MinLength, password.MinLengthMFA, password.MaxLength
	return limits
}

// Clock is the service's time in milliseconds since 1970, by which a page's script
// counts down, whatever the browser's clock says.
func (l Look) Clock() int64 { return l.area.Now().UnixMilli() }
