// Package framing finds requests of HTTP/1 that say their length in two ways, which
// two servers in a row could take for requests of different length (RFC 9112
// sections 6.1 and 6.3). net/http takes the Content-Length of such a request away
// before anybody sees it, so the bytes are followed on their way to it. They are
// never altered or held back, and what is found only ever refuses a request: that
// the connection ends with it does not hang on what is found here.
package framing
