package keyring

import "crypto/sha256"

// deriveSegment is HKDF-SHA256 (RFC 5869) for exactly what a segment needs: 48
// bytes, a salt of at most one block, no state on the heap. It is crypto/hkdf's
// result, which the tests hold it against; a segment is sealed for every answer,
// and most of that took the library's general state.
func deriveSegment(person, month, salt []byte, info string) (out [2 * sha256.Size]byte) {
	var m [256]byte
	prk := hmacSHA256(salt, append(append(m[:0], person...), month...))
	t := hmacSHA256(prk[:], append(append(m[:0], info...), 1))
	copy(out[:], t[:])
	t = hmacSHA256(prk[:], append(append(append(m[:0], t[:]...), info...), 2))
	copy(out[sha256.Size:], t[:])
	return out
}

// hmacSHA256 is RFC 2104 for a key of at most one block.
func hmacSHA256(key, message []byte) [sha256.Size]byte {
	var b [sha256.BlockSize + 256]byte
	pad := b[:sha256.BlockSize]
	copy(pad, key)
	for i := range pad {
		pad[i] ^= 0x36
	}
	inner := sha256.Sum256(append(pad, message...))
	for i := range pad {
		pad[i] ^= 0x36 ^ 0x5c
	}
	return sha256.Sum256(append(pad, inner[:]...))
}
