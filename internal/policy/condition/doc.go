// Package condition is the language of conditions in policy rows: a subset of
// CEL (https://cel.dev) that SQL can express exactly, with a third truth value.
//
//	text ──CEL's parser──▶ CEL's tree ──Compile: subset, types──▶ Node ──Eval──▶ Truth
//	                                                                   ──Possible──▶ Set
//
// A condition speaks of the record, the user, the action and the request:
//
//	record.NAME           an attribute of the record; record.id is its id
//	user.NAME             an attribute of the user; id, roles, teams and unit are built in
//	action.NAME           a property of the action
//	request.time          the time of the question; also ip, acr, amr, auth_age (seconds), client
//	request.context.NAME  what else the caller says about the request
//
// A NAME is of letters of any language, digits and _; between backticks it may
// have any characters that can be seen, but backticks.
//
// with these constructs and no others:
//
//	'text'  12  1.5  true  ['a', 'b', user.id]
//	== != < <= > >=   in   && || !
//	record.flag                                       by itself, if it is a bool
//	has(record.x)                                     is it something other than null?
//	record.x.startsWith(user.y)                       endsWith, contains
//	record.list.exists(x, x in L)                     all; L is the user's list, or a literal one
//	below(record.unit, user.unit)                     the unit or one below it
//	record.due < request.time - duration('24h')       or timestamp('2026-01-31T00:00:00Z')
//	inCIDR(request.ip, '10.0.0.0/8')                  or a list of networks
//	request.time.getHours('Asia/Shanghai')            getMinutes, getDayOfWeek, getDate, getDayOfMonth, getMonth, getFullYear, getDayOfYear
//
// Types are those of JSON, and time, which is a string in RFC 3339. Numbers are
// doubles. Strings are compared byte for byte. Ids are bare: bob, not user:bob;
// user.roles are spelled role:lead. What the catalogue declares has its type,
// and misuse is refused when written; the rest is looked at when it comes.
//
// # Unknown is not false
//
// An attribute that is not sent, is null, is of another type than what it is
// compared with, or is a list with such an element, is absent. What is compared
// with something absent is unknown, and !, && and || follow Kleene: not unknown
// is unknown; unknown && false is false; unknown || true is true. Policy gives
// unknown its meaning: a grant does not grant, a denial denies, a restriction
// restricts. So nothing opens by leaving something out.
//
// # What is CEL's, and what is ours
//
// CEL's interpreter is not enough: to it, record.x != "a" is true of a null or a
// number, and a restriction would open. Its checker's reasons are not for
// authors of policies. So only its parser is used here, and the tests call the
// interpreter on normalised facts as the witness of what Eval means, and the
// checker as the witness that what is accepted is well-typed CEL.
//
// docs/conditions.md is the page for those who write policies.
package condition
