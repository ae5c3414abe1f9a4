package login

import (
	"unicode"

	"rolegate/model"
)

// maxDeviceName bounds a device's name, in bytes.
const maxDeviceName = 64

// checkDeviceName refuses a name that a list could not show as it is: nothing
// invisible is in one, and it is not blank.
func checkDeviceName(name string) error {
	if len(name) > maxDeviceName {
		return badName(model.Errorf(model.CodeInvalidRequest, "the name of a device has at most %d bytes", maxDeviceName))
	}
	blank := true
	for _, c := range name {
		if !unicode.IsPrint(c) { // of spaces only U+0020 is
			return badName(errInvisible())
		}
		blank = blank && c == ' '
	}
	if blank {
		return badName(errInvisible())
	}
	return nil
}

func errInvisible() *model.Error {
	return model.Errorf(model.CodeInvalidRequest, "the name of a device is visible text, and not only spaces")
}

func badName(e *model.Error) error {
	e.Details = []model.Detail{{Path: "name"}}
	return e
}
