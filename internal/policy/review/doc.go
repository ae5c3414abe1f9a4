// Package review says what a new policy document would change, before it is
// published: for people who must not open anything by mistake. It is pure. It
// reads no store and records nothing; internal/change keeps drafts, and calls it.
//
//	before, after ─┬─ Findings   rows that do nothing, rows that widen, duties that mix
//	               ├─ Diff       what became of each row, by meaning and not by lines
//	               └─ Simulate   who gains and loses what, over sampled requests
//	cases, view   ─── Cases.Run  what the policy's authors expect of it
//
// Its results are plain data of package model; i18n.Review writes their sentences.
package review
