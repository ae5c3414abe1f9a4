package condition

import "time"

type Truth int8

const (
	Unknown Truth = iota
	False
	True
)

type Set uint8

func (s Set) Has(t Truth) bool { return s&(1<<t) != 0 }

type Schema func(field string) string
type Error struct {
	Offset int
	Reason string
}

func (e *Error) Error() string { return e.Reason }

type Condition struct{ text string }

func Compile(text string, schema Schema) (*Condition, error) { return &Condition{text}, nil }
func (c *Condition) Text() string                            { return c.text }
func (c *Condition) Eval(f *Facts) Truth                     { return Unknown }
func (c *Condition) Possible(f *Facts) Set                   { return 1 }
func (c *Condition) UsesRecord() bool                        { return false }

type Facts struct {
	Record  Attributes
	User    Attributes
	UserID  string
	Roles   []string
	Teams   []string
	Unit    string
	Action  map[string]any
	Context map[string]any
	IP      string
	Time    time.Time
	ACR     int
	AMR     []string
	AuthAge time.Duration
	HasAuth bool
	Client  string
	Below   func(unit, root string) bool
}
type Attributes interface {
	Attribute(name string) (value any, sent bool)
}

func (c *Condition) Fields() []string { return nil }
