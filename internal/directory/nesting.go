package directory

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"rolegate/model"
)

// checkNesting refuses a file that is nested deeper than a number of levels, its
// object being the first. What is no JSON is not its business.
func checkNesting(file []byte, levels int) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(file))
	for {
		if _, err := d.ReadToken(); err != nil {
			return nil // the end, or what reading the file finds
		}
		if d.StackDepth() > levels {
			line, column := position(file, d.InputOffset()-1)
			return model.Errorf(model.CodeInvalidRequest, "the file is nested deeper than %d levels (%s) at %d:%d",
				levels, model.SettingNesting, line, column)
		}
	}
}

// position is the line and the column in bytes, from 1, of a byte of the text.
func position(text []byte, offset int64) (line, column int) {
	before := text[:min(int(offset), len(text))]
	return 1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')
}
