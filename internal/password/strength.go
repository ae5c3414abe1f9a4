package password

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ccojocar/zxcvbn-go"
	"github.com/ccojocar/zxcvbn-go/frequency"
	"github.com/ccojocar/zxcvbn-go/match"
	"github.com/ccojocar/zxcvbn-go/matching"
	"github.com/ccojocar/zxcvbn-go/scoring"
)

// Hint is what makes a password easier to guess than its length suggests, for
// machines.
type Hint string

const (
	HintWord     Hint = "word"     // it has a word, or a common password, in it
	HintName     Hint = "name"     // likewise a name, of the person, the service or anybody
	HintKeyboard Hint = "keyboard" // neighbouring keys
	HintRepeat   Hint = "repeat"   // a character again and again
	HintSequence Hint = "sequence" // such as abcd or 4321
	HintDate     Hint = "date"     // a date or a year
)

// AllHints lists them, for those who have a text for each.
var AllHints = []Hint{HintWord, HintName, HintKeyboard, HintRepeat, HintSequence, HintDate}

// Strength is an estimate of how many guesses a password lasts against somebody
// who tries likely ones first. It is advice, but for the least that Rules ask for.
type Strength struct {
	Score   int     // 0, at once, to 4, for years; as zxcvbn counts
	Guesses float64 // decimal logarithm of how many
	Hints   []Hint  // without one twice, in the order they are found
}

// Bounds on what is estimated: the work grows with more than the square of the
// length, so a long password is taken in parts of so many characters, and lasts as
// long as the strongest of them. What lies beyond MaxLength is not looked at.
const (
	maxEstimated     = 64 // characters of a part
	maxEstimatedName = 32 // characters of a name
	maxNames         = 16
)

// otherBits is what a character outside of ASCII counts for, once: a Chinese
// word of two characters is one of some thousands. The estimator knows English
// words only and would count each as if it were random.
const otherBits = 6

// The matchers have taken from these lists what they need, by rank.
func init() { clear(frequency.Lists) }

// scores are the guesses, as decimal logarithms, from which a score is reached:
// those of zxcvbn (D. Wheeler, USENIX Security 2016).
var scores = []float64{3, 6, 8, 10}

// Estimate estimates a password, with what is known of the person and the
// service. It takes some milliseconds at most, and hashes nothing.
func Estimate(password string, names []string) Strength {
	names = clippedNames(names)
	runes := []rune(password)
	runes = runes[:min(len(runes), MaxLength)]
	strongest := estimate(runes[:min(len(runes), maxEstimated)], names)
	for from := maxEstimated; from < len(runes); from += maxEstimated {
		if s := estimate(runes[from:min(len(runes), from+maxEstimated)], names); s.Guesses > strongest.Guesses {
			strongest = s
		}
	}
	return strongest
}

func estimate(part []rune, names []string) Strength {
	var ascii strings.Builder
	var others []rune
	for _, r := range part {
		if r < utf8.RuneSelf {
			ascii.WriteRune(r)
		} else if !slices.Contains(others, r) {
			others = append(others, r)
		}
	}
	found := guess(ascii.String(), names)
	bits := found.Entropy + otherBits*float64(len(others))
	s := Strength{Guesses: math.Round(bits*math.Log10(2)*10) / 10}
	for _, least := range scores {
		if s.Guesses >= least {
			s.Score++
		}
	}
	for _, m := range found.MatchSequence {
		if h := hintOf(m); h != "" && !slices.Contains(s.Hints, h) {
			s.Hints = append(s.Hints, h)
		}
	}
	return s
}

// guess runs the estimator on the text and on all that it may be made of, and takes
// what is guessed first. The estimator's own matcher of replaced letters is left out: it
// tries every combination, and 64 characters of the right kind take hours.
func guess(text string, names []string) scoring.MinEntropyMatch {
	found := zxcvbn.PasswordStrength(text, names, matching.FilterL33tMatcher)
	for _, other := range readings(strings.ToLower(text)) {
		if m := zxcvbn.PasswordStrength(other, names, matching.FilterL33tMatcher); m.Entropy+replaced < found.Entropy {
			found = m
			found.Entropy += replaced
		}
	}
	if isDate(unseparated(text)) && aDate < found.Entropy {
		found = scoring.MinEntropyMatch{Entropy: aDate, MatchSequence: []match.Match{{Pattern: "date", Token: text}}}
	}
	return found
}

// replaced is what replacing letters adds, or separators in a date, in bits.
const replaced = 2

// aDate is what a date lasts, in bits: a day of some two hundred years in one of three
// orders, with or without separators. The estimator sees few that are written together.
const aDate = 18

func isDate(digits string) bool {
	for _, order := range []string{"20060102", "02012006", "01022006"} {
		if at, err := time.Parse(order, digits); err == nil && at.Year() >= 1900 && at.Year() < 2100 {
			return true
		}
	}
	return false
}

// readings are what a text in small letters may be made of: with letters put back, all
// of them or but for what stands at its end, as P@ssw0rd2026 is password and a year, and
// without what separates numbers, as 1990-05-12 is a date.
func readings(text string) (all []string) {
	for _, one := range []byte("il") {
		for _, end := range []int{len(text), len(strings.TrimRight(text, "0123456789!@$+"))} {
			all = append(all, lettered(text[:end], one)+text[end:])
		}
	}
	all = append(all, unseparated(text))
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(s string) bool { return s == text })
}

// aYear is from how many digits on a number is none that stands for letters.
const aYear = len("2026")

// lettered puts letters back, for 1 the one.
func lettered(text string, one byte) string {
	letters := map[byte]byte{'0': 'o', '1': one, '!': 'i', '3': 'e', '4': 'a', '@': 'a', '5': 's', '$': 's', '7': 't', '+': 't'}
	b := []byte(text)
	for i := 0; i < len(b); i++ {
		if digits := len(text[i:]) - len(strings.TrimLeft(text[i:], "0123456789")); digits >= aYear {
			i += digits - 1
		} else if letter, ok := letters[b[i]]; ok {
			b[i] = letter
		}
	}
	return string(b)
}

// unseparated leaves out each separator between two digits.
func unseparated(text string) string {
	digit := func(at int) bool { return at >= 0 && at < len(text) && text[at] >= '0' && text[at] <= '9' }
	var b strings.Builder
	for i := range len(text) {
		if !strings.ContainsRune("-/. _", rune(text[i])) || !digit(i-1) || !digit(i+1) {
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

func hintOf(m match.Match) Hint {
	switch m.Pattern {
	case "dictionary":
		switch {
		case utf8.RuneCountInString(m.Token) < minName: // single letters are words to the estimator
			return ""
		case m.DictionaryName == "user_inputs" || strings.Contains(strings.ToLower(m.DictionaryName), "name"):
			return HintName
		}
		return HintWord
	case "spatial":
		if _, err := strconv.Atoi(m.Token); err == nil && len(m.Token) == len("2026") { // keys of a keypad to the estimator
			return HintDate
		}
		return HintKeyboard
	case "repeat":
		return HintRepeat
	case "sequence":
		return HintSequence
	case "date":
		return HintDate
	}
	return ""
}

// clippedNames are the names and their parts as the estimator may see them.
func clippedNames(names []string) (out []string) {
	for _, name := range names {
		parts := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		for _, p := range append([]string{name}, parts...) {
			if p = strings.ToLower(p); len(p) >= minName && len(p) <= maxEstimatedName && len(out) < maxNames {
				out = append(out, p)
			}
		}
	}
	return out
}
