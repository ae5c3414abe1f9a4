package directory

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"github.com/go-json-experiment/json"

	"rolegate/model"
)

// Condition is what has to be true of an entry for a request to take place (RFC
// 9110 section 13.1). The zero value asks for nothing.
type Condition struct {
	Match     *Tags // If-Match: the entry is there, and is one of these
	NoneMatch *Tags // If-None-Match: it is not there, or is none of these
}

// Tags are entity tags, without their quotes; Any is *.
type Tags struct {
	Any  bool
	List []string
}

// Has tells whether an entry that is there is one of them.
func (t *Tags) Has(tag string) bool { return t.Any || slices.Contains(t.List, tag) }

// Holds refuses an entry that is not as demanded; tag is "" where there is none.
func (c Condition) Holds(tag string) error {
	switch {
	case c.Match != nil && (tag == "" || !c.Match.Has(tag)):
		return model.Errorf(model.CodePrecondition, "the entry is not as If-Match demands: it was changed meanwhile, or is not there; read it again")
	case c.NoneMatch != nil && tag != "" && c.NoneMatch.Has(tag):
		return model.Errorf(model.CodePrecondition, "the entry is there already, and If-None-Match demands that it is not")
	}
	return nil
}

// entityTag is the strong entity tag of an entry as it is stored: the same for
// the same content, whoever wrote it. The tenant's ref goes in, so that what a
// proxy logs lets nobody guess what it stands for. size is that of the entry's
// JSON, in bytes.
func entityTag(ref []byte, kind string, entry any) (tag string, size int, err error) {
	text, err := json.Marshal(entry, json.Deterministic(true))
	if err != nil {
		return "", 0, model.Errorf(model.CodeInvalidRequest, "the entry cannot be written as JSON").Because(err)
	}
	h := sha256.New()
	h.Write(ref)
	h.Write([]byte(kind + "\x00"))
	h.Write(text)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18]), len(text), nil
}
