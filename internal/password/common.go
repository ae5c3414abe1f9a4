package password

import (
	"crypto/sha256"
	_ "embed"
	"sort"
)

// commonRecord is how many bytes of a digest common.bin keeps of each password.
const commonRecord = 5

// commonList is the sorted list; common.md says where it is from and what made it.
//
//go:embed common.bin
var commonList string

// isCommon tells whether a folded password is in the list.
func isCommon(folded string) bool {
	sum := sha256.Sum256([]byte(folded))
	want := string(sum[:commonRecord])
	record := func(i int) string { return commonList[i*commonRecord : (i+1)*commonRecord] }
	n := len(commonList) / commonRecord
	i := sort.Search(n, func(i int) bool { return record(i) >= want })
	return i < n && record(i) == want
}
