package i18n

// PasswordReason says why a password is not accepted, by the reason's code; limit
// is the number of characters it speaks of. A code nobody knows says nothing.
func PasswordReason(l Lang, code string, limit string) string {
	return fill(passwordReasons[code].in(l), Words{"limit": limit})
}

// PasswordHint says what makes a password easy to guess, by the hint's code.
func PasswordHint(l Lang, code string) string { return passwordHints[code].in(l) }

var passwordReasons = map[string]text{
	"too_short":     {"The password must have at least {limit} characters.", "密码至少需要 {limit} 个字符。"},
	"too_long":      {"The password may have at most {limit} characters.", "密码最多 {limit} 个字符。"},
	"not_text":      {"The password is not valid UTF-8 text.", "密码不是有效的 UTF-8 文本。"},
	"common":        {"Many people use this password, so it is tried first.", "这是常见密码，最先会被尝试。"},
	"breached":      {"This password is known from a data breach.", "该密码已出现在泄露的数据中。"},
	"contains_name": {"The password is little more than your name, or that of this service or company.", "密码主要由您的姓名、用户名，或本服务、本公司的名称构成。"},
	"unchanged":     {"The new password is the one it should replace.", "新密码与当前密码相同。"},
}

var passwordHints = map[string]text{
	"word":     {"Words and common passwords are tried early; several that have nothing to do with each other last longer.", "常见的单词和密码会较早被尝试；把几个互不相关的词连在一起更安全。"},
	"name":     {"Names are tried early, yours first.", "姓名会较早被尝试，尤其是您自己的姓名。"},
	"keyboard": {"Rows of neighbouring keys are tried early.", "键盘上相邻的按键组合会较早被尝试。"},
	"repeat":   {"Repeating a character adds little.", "重复同一字符几乎不增加强度。"},
	"sequence": {"Sequences such as abcd or 4321 are tried early.", "abcd、4321 这类连续字符会较早被尝试。"},
	"date":     {"Dates and years are tried early.", "日期和年份会较早被尝试。"},
}
