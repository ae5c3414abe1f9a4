package audit

import (
	"encoding/hex"

	"rolegate/internal/keyring"
	"rolegate/internal/store"
)

// SealedPlace is what a value of the keystore is sealed to; ok is false for other
// columns.
func SealedPlace(column store.SealedColumn, key []string) (p keyring.Place, ok bool) {
	switch column {
	case store.SealedPersonKeys:
		index, err := hex.DecodeString(key[0])
		return personPlace(index), err == nil
	case store.SealedMonthKeys:
		tenant, err := hex.DecodeString(key[0])
		return monthPlace(tenant, key[1], key[2]), err == nil
	}
	return p, false
}
