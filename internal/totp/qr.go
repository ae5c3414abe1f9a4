package totp

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"

	"github.com/pquerna/otp"
)

// Measures of the picture. A module is one dark or light square of the code.
const (
	quietZone  = 4   // modules of white around it (ISO/IEC 18004); some cameras insist
	minModule  = 4   // pixels across a module
	minPicture = 256 // pixels across the picture
	maxModules = 177 // across the largest code there is, version 40
)

// QR draws the URI as a square PNG, black on white with its quiet zone. It is
// 256 pixels across or a little more, and larger for a long URI, whose finer
// code would blur in so few. A URI that no QR code can hold is an error.
//
// The library draws into the size it is told, without a quiet zone and with no
// word about how many modules there are, and computing the code is what costs.
// So it draws once, small, and the picture is made from that.
func QR(uri string) ([]byte, error) {
	key, err := otp.NewKeyFromURL(uri)
	if err != nil {
		return nil, fmt.Errorf("draw QR code: %w", err)
	}
	small, err := key.Image(maxModules, maxModules)
	if err != nil {
		return nil, fmt.Errorf("draw QR code: %w", err)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, enlarge(small)); err != nil {
		return nil, fmt.Errorf("draw QR code: %w", err)
	}
	return out.Bytes(), nil
}

// enlarge draws the code again with its quiet zone and modules of a good size.
func enlarge(small image.Image) image.Image {
	origin, module := measure(small)
	modules := (maxModules - 2*origin) / module
	across := modules + 2*quietZone
	scale := max(minModule, (minPicture+across-1)/across)
	picture := image.NewPaletted(image.Rect(0, 0, across*scale, across*scale), color.Palette{color.White, color.Black})
	for y := range modules {
		for x := range modules {
			if dark(small, origin+x*module, origin+y*module) {
				corner := image.Pt(x+quietZone, y+quietZone).Mul(scale)
				draw.Draw(picture, image.Rectangle{Min: corner, Max: corner.Add(image.Pt(scale, scale))}, image.Black, image.Point{}, draw.Src)
			}
		}
	}
	return picture
}

// measure finds where the code begins, equally far from the top and the left,
// and how many pixels a module is across. Every code begins with the upper edge
// of its finder pattern: seven dark modules, then a light one.
func measure(code image.Image) (origin, module int) {
	for !dark(code, origin, origin) {
		origin++
	}
	end := origin
	for dark(code, end, origin) {
		end++
	}
	return origin, (end - origin) / 7
}

func dark(img image.Image, x, y int) bool {
	r, _, _, _ := img.At(x, y).RGBA()
	return r < 0x8000
}
