package verify

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	cosigned "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// Policy says whose signatures a checkpoint must have: that of a log, and those of
// a quorum of witnesses (C2SP tlog-policy). It is the auditor's, and never taken
// from what is verified.
type Policy struct {
	logs      []note.Verifier
	witnesses []note.Verifier
	quorum    *member // nil: none is asked for
}

// member of a quorum: a witness, or a group of members of which some are enough.
type member struct {
	witness note.Verifier // nil: a group
	enough  int
	of      []*member
}

// KeyPolicy trusts one log's key (a vkey, C2SP signed-note) and asks for no
// witnesses.
func KeyPolicy(vkey string) (*Policy, error) {
	v, err := note.NewVerifier(strings.TrimSpace(vkey))
	if err != nil {
		return nil, fmt.Errorf("it is no key of a log, such as crm.example.com/v1/audit+1a2b3c4d+AbC…: %w", err)
	}
	return &Policy{logs: []note.Verifier{v}}, nil
}

// ParsePolicy reads a policy file.
func ParsePolicy(text []byte) (*Policy, error) {
	p := &Policy{}
	reading := policyReader{policy: p, members: map[string]*member{}, keys: map[string]bool{}, grouped: map[string]bool{}}
	for i, line := range strings.Split(string(text), "\n") {
		if strings.IndexFunc(line, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) >= 0 {
			return nil, fmt.Errorf("line %d has control characters", i+1)
		}
		words := strings.FieldsFunc(line, func(c rune) bool { return c == ' ' || c == '\t' })
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := reading.line(words); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if !reading.settled {
		return nil, errors.New("there is no quorum line; `quorum none` asks for no witnesses")
	}
	return p, nil
}

type policyReader struct {
	policy  *Policy
	members map[string]*member
	keys    map[string]bool // a key counts once
	grouped map[string]bool // a member is in one group only
	settled bool
}

var errPolicyLine = errors.New("it is none of: log VKEY [URL], witness NAME VKEY [URL], group NAME all|any|N NAME…, quorum NAME|none")

func (r *policyReader) line(words []string) error {
	switch n := len(words); {
	case words[0] == "log" && (n == 2 || n == 3):
		v, err := note.NewVerifier(words[1])
		if err != nil {
			return err
		}
		r.policy.logs = append(r.policy.logs, v)
		return r.key("log", words[1])
	case words[0] == "witness" && (n == 3 || n == 4):
		v, err := cosigned.NewVerifierForCosignatureV1(words[2])
		if err != nil {
			return err
		}
		if !strings.Contains(words[2], fmt.Sprintf("+%08x+", v.KeyHash())) {
			return errors.New("the witness's key is none for cosignatures, or misspelled")
		}
		r.policy.witnesses = append(r.policy.witnesses, v)
		return errors.Join(r.key("witness", words[2]), r.name(words[1], &member{witness: v}))
	case words[0] == "group" && n >= 4:
		g := &member{}
		for _, name := range words[3:] {
			m, known := r.members[name]
			if !known {
				return fmt.Errorf("there is no %s above", name)
			}
			if r.grouped[name] {
				return fmt.Errorf("%s is in a group already", name)
			}
			r.grouped[name] = true
			g.of = append(g.of, m)
		}
		switch enough, err := strconv.Atoi(words[2]); {
		case words[2] == "all":
			g.enough = len(g.of)
		case words[2] == "any":
			g.enough = 1
		case err != nil || enough < 1 || enough > len(g.of):
			return fmt.Errorf("%s of %d members is no quorum", words[2], len(g.of))
		default:
			g.enough = enough
		}
		return r.name(words[1], g)
	case words[0] == "quorum" && n == 2:
		if r.settled {
			return errors.New("there is a second quorum")
		}
		r.settled = true
		m, known := r.members[words[1]]
		if words[1] != "none" && !known {
			return fmt.Errorf("there is no %s above", words[1])
		}
		r.policy.quorum = m
		return nil
	}
	return errPolicyLine
}

func (r *policyReader) name(name string, m *member) error {
	if _, twice := r.members[name]; twice || name == "none" {
		return fmt.Errorf("the name %s is taken", name)
	}
	r.members[name] = m
	return nil
}

// key refuses a key that is there already under whatever name.
func (r *policyReader) key(kind, vkey string) error {
	material, err := base64.StdEncoding.DecodeString(vkey[strings.LastIndexByte(vkey, '+')+1:])
	if err != nil || len(material) < 2 {
		return errors.New("it is no key")
	}
	key := kind + string(material[1:])
	if r.keys[key] {
		return fmt.Errorf("this %s's key is there already", kind)
	}
	r.keys[key] = true
	return nil
}

// signed says who has signed a checkpoint.
type signed struct {
	log, witnessed bool
}

// check holds a checkpoint's signatures against the policy; without one they are
// not looked at. A signature that a key of the policy does not verify is an error;
// so is the lack of the log's.
func (p *Policy) check(c checkpoint) (signed, error) {
	if p == nil {
		return signed{}, nil
	}
	known := note.VerifierList(append(slices.Clip(p.logs), p.witnesses...)...)
	n, err := note.Open(c.note, known)
	var nobody *note.UnverifiedNoteError
	if errors.As(err, &nobody) {
		n = nobody.Note
	} else if err != nil {
		return signed{}, err
	}
	by := func(v note.Verifier) bool {
		return slices.ContainsFunc(n.Sigs, func(s note.Signature) bool { return s.Name == v.Name() && s.Hash == v.KeyHash() })
	}
	s := signed{log: slices.ContainsFunc(p.logs, func(v note.Verifier) bool { return v.Name() == c.origin && by(v) })}
	if !s.log && len(p.logs) > 0 {
		return signed{}, errors.New("it is not signed by the log's key")
	}
	s.witnessed = p.quorum != nil && p.quorum.has(by)
	return s, nil
}

// has tells whether enough have signed.
func (m *member) has(by func(note.Verifier) bool) bool {
	if m.witness != nil {
		return by(m.witness)
	}
	n := 0
	for _, of := range m.of {
		if of.has(by) {
			n++
		}
	}
	return n >= m.enough
}
