package checklist

import (
	"slices"
	"testing"
	"time"

	"rolegate/internal/login"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// The codes of a page are made of its form and the minute it is sent in, so what a form
// does twice it is made to do within one.

// minuteBegins moves the clock to the begin of a minute.
func minuteBegins(k *testkit.Kit) {
	now := k.Now()
	k.Advance(now.Truncate(time.Minute).Add(time.Minute + time.Second).Sub(now))
}

func sessionOf(k *testkit.Kit, p *testkit.Person) login.Session {
	k.T.Helper()
	session, err := k.App.Login.AuthenticateUser(k.T.Context(), p.Access)
	if err != nil {
		k.T.Fatal(err)
	}
	return session
}

// renewalForm is a page that asks for new codes: each press of its button.
func renewalForm(k *testkit.Kit, p *testkit.Person) (press func() ([]string, error)) {
	k.T.Helper()
	session := sessionOf(k, p)
	form, err := k.App.Login.NewForm(session)
	if err != nil {
		k.T.Fatal(err)
	}
	return func() ([]string, error) { return k.App.Login.NewRecoveryCodes(k.T.Context(), session, form) }
}

// pressed is a press that makes codes or shows them again.
func pressed(k *testkit.Kit, press func() ([]string, error)) []string {
	k.T.Helper()
	codes, err := press()
	if err != nil || len(codes) != 10 {
		k.T.Fatalf("%d codes (%v)", len(codes), err)
	}
	return codes
}

// refusedPress is a press of a form whose codes are no longer whole.
func refusedPress(k *testkit.Kit, press func() ([]string, error)) {
	k.T.Helper()
	if codes, err := press(); model.CodeOf(err) != model.CodeConflict || codes != nil {
		k.T.Errorf("a form that made its codes makes %d more (%v)", len(codes), err)
	}
}

// usedCodeOfAForm uses a code and sends the form that made it once more.
func usedCodeOfAForm(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice")
		press := renewalForm(k, alice)
		minuteBegins(k)
		codes := pressed(k, press)
		if again := pressed(k, press); !slices.Equal(again, codes) {
			t.Error("the second press is shown other codes")
		}
		k.Want(recover(k, alice, codes[3]), 200)
		refusedPress(k, press)
		k.Want(recover(k, alice, codes[3]), 401, "code", "code_invalid")
		k.Want(recover(k, alice, codes[4]), 200)
	})
}

// usedCodeOfAFirstDevice is the same of the form that confirms a first device, and of
// one that a ticket led to.
func usedCodeOfAFirstDevice(t *testing.T) {
	k := testkit.New(t)
	k.Relaxed()
	paul := k.PasswordOnly("paul", "sales-rep")
	e, err := k.App.Login.AddDevice(t.Context(), sessionOf(k, paul), "Phone")
	if err != nil {
		t.Fatal(err)
	}
	session := sessionOf(k, paul)
	minuteBegins(k)
	right := k.CodeAt(e.Secret, 0)
	confirmed, err := k.App.Login.ConfirmDevice(t.Context(), session, e.DeviceID, right, e.Form)
	if err != nil {
		t.Fatal(err)
	}
	codes := confirmed.RecoveryCodes
	k.Want(recover(k, paul, codes[0]), 200)
	if again, err := k.App.Login.ConfirmDevice(t.Context(), session, e.DeviceID, right, e.Form); err == nil {
		t.Errorf("%d codes are shown of which one is used", len(again.RecoveryCodes))
	}
	k.Want(recover(k, paul, codes[0]), 401, "code", "code_invalid")

	a := recover(k, paul, codes[1])
	e, err = k.App.Login.Enrol(t.Context(), a.Text("ticket"))
	if err != nil {
		t.Fatal(err)
	}
	right = k.CodeAt(e.Secret, 0)
	res, err := k.App.Login.ConfirmEnrolment(t.Context(), a.Text("ticket"), right, e.Form)
	if err != nil {
		t.Fatal(err)
	}
	k.Want(recover(k, paul, res.RecoveryCodes[0]), 200)
	if again, err := k.App.Login.ConfirmEnrolment(t.Context(), a.Text("ticket"), right, e.Form); err == nil {
		t.Errorf("%d codes are shown of which one is used", len(again.RecoveryCodes))
	}
	k.Want(recover(k, paul, res.RecoveryCodes[0]), 401, "code", "code_invalid")
}

// twoForms has two pages ask for codes in turn: those of the first stay void.
func twoForms(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		alice := k.MustEnrol("alice")
		first, second := renewalForm(k, alice), renewalForm(k, alice)
		minuteBegins(k)
		void := pressed(k, first)
		good := pressed(k, second)
		refusedPress(k, first)
		k.Want(recover(k, alice, void[0]), 401, "code", "code_invalid")
		k.Want(recover(k, alice, good[0]), 200)
	})
}
