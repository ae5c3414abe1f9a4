package password

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/model"
)

func TestRules(t *testing.T) {
	names := []string{"alice.smith@example.com", "u-4711", "acme", "rolegate", "Bo"}
	for _, c := range []struct {
		name, password string
		min            int
		want           []Reason
	}{
		{"8 with MFA", "vexplumq", MinLengthMFA, nil},
		{"7 with MFA", "vexplum", MinLengthMFA, []Reason{TooShort}},
		{"15 without", "vexplumqtrabond", MinLength, nil},
		{"14 without", "vexplumqtrabon", MinLength, []Reason{TooShort}},
		{"characters, not bytes", "密码密码密码密", MinLengthMFA, []Reason{TooShort}},
		{"8 Chinese characters", "鱼在云上读旧书", MinLengthMFA - 1, nil},
		{"8 emoji", "🔑🌊🐘🍋🎻🚲🧊🌵", MinLengthMFA, nil},
		{"one emoji 8 times", strings.Repeat("🔑", 8), MinLengthMFA, []Reason{Common}},
		{"64 characters", strings.Repeat("x y", 21) + "z", MinLengthMFA, nil},
		{"128 characters of 4 bytes", strings.Repeat("🔑🌊🐘🍋", 32), MinLengthMFA, nil},
		{"129 characters", strings.Repeat("xy z", 32) + "a", MinLengthMFA, []Reason{TooLong}},
		{"1 MiB", strings.Repeat("x", 1<<20), MinLengthMFA, []Reason{TooLong}},
		{"one kind of characters", "vexplumqtrabond", MinLengthMFA, nil},
		{"spaces", "            ", MinLengthMFA, []Reason{Common}},
		{"spaces among others", "  v  x  p  l ", MinLengthMFA, nil},
		{"NUL and control characters", "abc\x00\x1b\tdef", MinLengthMFA, nil},
		{"invalid UTF-8", "abcdefgh\xff", MinLengthMFA, []Reason{NotText}},
		{"surrogate half", "abcdefgh\xed\xa0\x80", MinLengthMFA, []Reason{NotText}},

		{"common", "password123", MinLengthMFA, []Reason{Common}},
		{"common in capitals", "PassWord123", MinLengthMFA, []Reason{Common}},
		{"common in full width", "ｐａｓｓｗｏｒｄ１２３", MinLengthMFA, []Reason{Common}},
		{"common and long", "123456789123456789", MinLength, []Reason{Common}},
		{"common and short", "iloveyou", MinLength, []Reason{TooShort, Common}},
		{"common among others", "woaini1314", MinLengthMFA, []Reason{Common}},
		{"common and a character", "passwordpassword1", MinLength, []Reason{Common}},
		{"common and digits", "password1234567890", MinLength, []Reason{Common}},
		{"digits", "1234567890123456", MinLength, []Reason{Common}},
		{"common for a form", "Admin@123", MinLengthMFA, []Reason{Common}},
		{"a season and a year", "Summer2026", MinLengthMFA, []Reason{Common}},
		{"a word with letters replaced and a year", "P@ssw0rd2026", MinLengthMFA, []Reason{Common}},
		{"with all of them replaced", "P@$$w0rd2026", MinLengthMFA, []Reason{Common}},
		{"and a separator", "Welc0me@2026", MinLengthMFA, []Reason{Common}},
		{"another one", "W1nter2026", MinLengthMFA, []Reason{Common}},
		{"a form's likewise", "Adm1n@123", MinLengthMFA, []Reason{Common}},
		{"a one for an l", "He11o2026", MinLengthMFA, []Reason{Common}},
		{"several words", "l3tm31n2026", MinLengthMFA, []Reason{Common}},
		{"a date", "20260101", MinLengthMFA, []Reason{Common}},
		{"a date with separators", "1990-05-12", MinLengthMFA, []Reason{Common}},
		{"with others", "12.05.1990", MinLengthMFA, []Reason{Common}},
		{"a day of birth", "19900512", MinLengthMFA, []Reason{Common}},
		{"common within", "password123 and a walrus", MinLengthMFA, nil},
		{"64 of a character and a random tail", strings.Repeat("a", 64) + "vK8#tq!Zr2mPw5", MinLength, nil},
		{"100 of a character", strings.Repeat("a", 100), MinLength, []Reason{Common}},
		{"a common one 12 times", strings.Repeat("password", 12), MinLength, []Reason{Common}},

		{"the user name", "alice.smith@example.com", MinLengthMFA, []Reason{ContainsName}},
		{"the user name in capitals", "ALICE.Smith@Example.com", MinLengthMFA, []Reason{ContainsName}},
		{"a part and a year", "alice2026", MinLengthMFA, []Reason{ContainsName}},
		{"a part twice", "alice.alice.", MinLengthMFA, []Reason{ContainsName}},
		{"a part with letters replaced", "4l1c3$2026", MinLengthMFA, []Reason{ContainsName}},
		{"a part before a common one", "smithpassword123", MinLengthMFA, []Reason{ContainsName}},
		{"the service", "Rolegate2026!", MinLengthMFA, []Reason{ContainsName}},
		{"the tenant", "acme-12345", MinLengthMFA, []Reason{ContainsName}},
		{"a name in a sentence", "alice drinks tea at dawn", MinLengthMFA, nil},
		{"a name that stands in a word by chance", "bottle of old bobbins", MinLengthMFA, nil},
	} {
		r := Rules{MinLength: c.min, Names: names}
		got, err := r.Reasons(c.password)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
		err = r.Check(c.password)
		if (err == nil) != (len(c.want) == 0) {
			t.Errorf("%s: Check = %v", c.name, err)
		}
		if err == nil {
			continue
		}
		var rejected *Rejected
		if !errors.As(err, &rejected) || model.CodeOf(err) != model.CodePasswordRejected {
			t.Errorf("%s: Check = %#v, want a *Rejected of %s", c.name, err, model.CodePasswordRejected)
		}
		if strings.Contains(err.Error(), c.password) {
			t.Errorf("%s: the message quotes the password", c.name)
		}
	}
	if got, _ := (Rules{MinLength: 8, Names: []string{""}}).Reasons("vexplumq"); got != nil {
		t.Errorf("an empty name gives %v", got)
	}
}

func TestCommonListIsWhole(t *testing.T) {
	if n := len(commonList) / commonRecord; n != 197_667 || len(commonList)%commonRecord != 0 {
		t.Fatalf("the list has %d bytes: %d records", len(commonList), n)
	}
	for i := commonRecord; i < len(commonList); i += commonRecord {
		if commonList[i-commonRecord:i] >= commonList[i:i+commonRecord] {
			t.Fatalf("record %d is not in order", i/commonRecord)
		}
	}
}

func TestEstimate(t *testing.T) {
	names := []string{"alice.smith@example.com", "rolegate"}
	for _, c := range []struct {
		password    string
		least, most int
		hint        Hint
	}{
		{"", 0, 0, ""},
		{"password", 0, 0, HintWord},
		{"p@$$w0rd", 0, 1, HintWord},
		{"alicesmith", 0, 1, HintName},
		{"Summer2026", 0, 1, HintDate},
		{"W1nter2026", 0, 1, HintWord},
		{"1990-05-12", 0, 1, HintDate},
		{"qwertyuiop[]", 0, 1, HintKeyboard},
		{"aaaaaaaaaaaaaaaaaaaa", 0, 1, HintRepeat},
		{"密码密码密码密码", 0, 1, ""},
		{"鱼在云上读旧书的时候天还没有亮", 4, 4, ""},
		{"correct horse battery staple", 4, 4, HintWord},
		{"vK8#tq!Zr2mP", 4, 4, ""},
	} {
		s := Estimate(c.password, names)
		if s.Score < c.least || s.Score > c.most {
			t.Errorf("%q: score %d of 10^%.1f guesses, want %d to %d", c.password, s.Score, s.Guesses, c.least, c.most)
		}
		if c.hint != "" && !strings.Contains(hints(s), string(c.hint)) {
			t.Errorf("%q: hints %v, want %s", c.password, s.Hints, c.hint)
		}
	}
}

func hints(s Strength) (all string) {
	for _, h := range s.Hints {
		all += string(h) + " "
	}
	return all
}

// The estimator's own matcher of replaced letters takes hours for this.
func TestEstimateIsBounded(t *testing.T) {
	Estimate(strings.Repeat("4@8({[<369|1!70$5+%2", 50), []string{strings.Repeat("4@8({[", 100)})
}

func FuzzEstimate(f *testing.F) {
	f.Add("p@$$w0rd 1999-12-31 qwerty 密码", "alice@example.com")
	f.Fuzz(func(t *testing.T, password, name string) {
		s := Estimate(password, []string{name})
		if s.Score < 0 || s.Score > 4 || s.Guesses < 0 || s.Guesses != s.Guesses {
			t.Errorf("Estimate(%q) = %+v", password, s)
		}
	})
}
