package login

import (
	"rolegate/internal/keyring"
	"rolegate/internal/store"
)

// SealedPlace is what a value of login's columns is sealed to; ok is false for
// other columns.
func SealedPlace(column store.SealedColumn, key []string) (p keyring.Place, ok bool) {
	switch column {
	case store.SealedDevices, store.SealedRemoved: // a device that is removed is moved as it is
		return devicePlace(store.Device{Tenant: key[0], User: key[1], ID: key[2]}), true
	case store.SealedSigningKeys:
		return signingPlace(key[0]), true
	}
	return p, false
}
