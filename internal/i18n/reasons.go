package i18n

import (
	"cmp"
	"strconv"
	"time"

	"rolegate/model"
)

// Told is what a reason's texts may speak of.
type Told struct {
	Question *model.Question
	Decision *model.Decision
	Invalid  string // of ReasonItemInvalid: what is wrong with the question, where that is known
}

// AppendUserReason tells the person why, without naming policy, roles or other people.
func AppendUserReason(b []byte, l Lang, t Told) []byte {
	return reasonTexts(t.Decision.Code).user.append(b, l, t)
}

// AppendAdminReason tells those who look after the policy why.
func AppendAdminReason(b []byte, l Lang, t Told) []byte {
	return reasonTexts(t.Decision.Code).admin.append(b, l, t)
}

// words are what the braces of a reason's text stand for. One that appends
// nothing is a word that nobody gave.
var words = map[string]func(b []byte, l Lang, t Told) []byte{
	"subject": func(b []byte, _ Lang, t Told) []byte {
		b = append(append(b, t.Question.Subject.Type...), ':')
		return append(b, t.Question.Subject.ID...)
	},
	"action":   func(b []byte, _ Lang, t Told) []byte { return append(b, t.Question.Action.Name...) },
	"object":   func(b []byte, _ Lang, t Told) []byte { return append(b, t.Question.Resource.Type...) },
	"id":       func(b []byte, _ Lang, t Told) []byte { return append(b, t.Question.Resource.ID...) },
	"required": func(b []byte, _ Lang, t Told) []byte { return append(b, t.Decision.Required...) },
	"reason": func(b []byte, l Lang, t Told) []byte {
		return append(b, cmp.Or(t.Invalid, badQuestion.in(l))...)
	},
	"rule": func(b []byte, l Lang, t Told) []byte {
		if t.Decision.Rule.IsZero() {
			return b
		}
		return append(b, cmp.Or(RowName(l, t.Decision.Rule.Name), t.Decision.Rule.Text)...)
	},
	"fields": func(b []byte, _ Lang, t Told) []byte {
		for i, name := range t.Decision.Closed {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(b, name...)
		}
		return b
	},
}

// init adds the words that have a text of their own, and compiles the reasons.
func init() {
	record := compile(text{`{object} "{id}"`, "{object}“{id}”"})
	records := compile(text{"{object} records", "{object} 记录"})
	words["target"] = func(b []byte, l Lang, t Told) []byte {
		if t.Question.Resource.ID == model.AnyRecord {
			return records.append(b, l, t)
		}
		return record.append(b, l, t)
	}
	words["acr"] = func(b []byte, _ Lang, t Told) []byte { return strconv.AppendInt(b, int64(t.Decision.StepUp.ACR), 10) }
	words["seconds"] = func(b []byte, _ Lang, t Told) []byte {
		return strconv.AppendInt(b, int64(t.Decision.StepUp.MaxAge/time.Second), 10)
	}
	level := compile(text{"level {acr}", " {acr} 级"})
	fresh := compile(text{"level {acr}, proven at most {seconds} s ago", " {acr} 级且在 {seconds} 秒内完成"})
	words["assurance"] = func(b []byte, l Lang, t Told) []byte {
		switch {
		case t.Decision.StepUp == nil:
			return b
		case t.Decision.StepUp.MaxAge == 0:
			return level.append(b, l, t)
		}
		return fresh.append(b, l, t)
	}
	for code, r := range reasons {
		compiled[code] = compiledReason{compile(r.user), compile(r.admin)}
	}
}

var badQuestion = text{
	`a name is missing, too long or "*", or action.properties has a field list that is not a list of names`,
	"名称缺失、过长或为 “*”，或 action.properties 中的字段列表不是由字段名组成的数组",
}

type compiledReason struct{ user, admin template }

// compiled are the reasons, cut at their braces once: a text is due for every decision.
var compiled = make(map[model.Code]compiledReason, len(reasons))

func reasonTexts(code model.Code) compiledReason {
	if r, ok := compiled[code]; ok {
		return r
	}
	return compiled[model.CodeInternal]
}

type reason struct{ user, admin text }

var reasons = map[model.Code]reason{
	model.ReasonAllowed: {
		text{"You may do this.", "您可以执行此操作。"},
		text{"{subject} may {action} {target}.", "{subject} 可以对 {target} 执行 {action}。"},
	},
	model.ReasonSubjectUnknown: {
		text{"Your account is not known here. Please ask your administrator.", "系统中没有您的账号，请联系管理员。"},
		text{"{subject} is not registered in this tenant. Add the user, or import the subject.", "{subject} 未在本租户登记，请添加该用户或导入该主体。"},
	},
	model.ReasonSubjectDisabled: {
		text{"Your account is disabled. Please ask your administrator.", "您的账号已停用，请联系管理员。"},
		text{"{subject} is disabled.", "{subject} 已停用。"},
	},
	model.ReasonObjectUnknown: {
		text{"Records of this kind are not known here.", "系统中没有这类记录。"},
		text{"Neither the catalogue nor a policy row names the object {object}. Check the spelling of resource.type.", "目录和策略中均未出现对象 {object}，请检查 resource.type 的拼写。"},
	},
	model.ReasonActionUnknown: {
		text{"This is not something one can do here.", "系统中没有这种操作。"},
		text{"Neither the catalogue nor a policy row names the action {action} on {object}. Check the spelling of action.name.", "目录和策略中均未出现 {object} 的操作 {action}，请检查 action.name 的拼写。"},
	},
	model.ReasonObjectDisabled: {
		text{"This part of the system is switched off.", "系统的这一功能已关闭。"},
		text{"The object {object} is switched off in the catalogue.", "对象 {object} 已在目录中关闭。"},
	},
	model.ReasonNotGranted: {
		text{"You do not have the right to do this.", "您没有执行此操作的权限。"},
		text{"No grant lets {subject} {action} {target}.", "没有任何授权允许 {subject} 对 {target} 执行 {action}。"},
	},
	model.ReasonDenied: {
		text{"A rule forbids you to do this.", "有规则禁止您执行此操作。"},
		text{"The denial \"{rule}\" forbids {subject} to {action} {target}.", "禁止规则“{rule}”不允许 {subject} 对 {target} 执行 {action}。"},
	},
	model.ReasonRestricted: {
		text{"A restriction does not allow this here or now.", "受限制条件约束，目前不能执行此操作。"},
		text{"The condition of the restriction \"{rule}\" does not hold, so {subject} may not {action} {target}.", "限制规则“{rule}”的条件不满足，{subject} 不能对 {target} 执行 {action}。"},
	},
	model.ReasonStepUp: {
		text{"Please confirm your identity once more, then try again.", "请再次验证身份，然后重试。"},
		text{"To {action} {target}, {subject} needs authentication of {assurance}, and the question came with no access token that proves it.", "{subject} 对 {target} 执行 {action}，需要身份验证达到{assurance}，而请求中没有能够证明这一点的访问令牌。"},
	},
	model.ReasonFieldsClosed: {
		text{"You may not use these fields: {fields}.", "您不能使用以下字段：{fields}。"},
		text{"Fields of {object} are closed to {subject} for {action}: {fields}.", "{subject} 对 {object} 执行 {action} 时，以下字段不开放：{fields}。"},
	},
	model.ReasonRequiredAction: {
		text{"This also takes the right to {required}, which you do not have.", "此操作还需要 {required} 权限，而您没有该权限。"},
		text{"{action} requires {required}, which is denied to {subject} on {target}.", "{action} 要求同时具备 {required}，而 {subject} 对 {target} 没有该权限。"},
	},
	model.ReasonSessionInvalid: {
		text{"Your session has ended. Please log in again.", "您的登录已失效，请重新登录。"},
		text{"context.access_token is not a valid, live access token of {subject}.", "context.access_token 不是 {subject} 当前有效的访问令牌。"},
	},
	model.ReasonTokenRequired: {
		text{"Your login could not be confirmed. Please log in again.", "无法确认您的登录状态，请重新登录。"},
		text{"This client must send the person's own access token in context.access_token.", "该客户端必须在 context.access_token 中提供用户本人的访问令牌。"},
	},
	model.ReasonTenantDisabled: {
		text{"Access is switched off for your organisation.", "您所在组织的访问已停用。"},
		text{"The tenant is disabled, so every answer is no.", "该租户已停用，一切请求均被拒绝。"},
	},
	model.ReasonRouteUnknown: {
		text{"This address is not open to anybody.", "该地址未对任何人开放。"},
		text{"No route of the catalogue, or no single one, is meant by the method and path of this request.", "目录中没有与该请求的方法和路径对应的（唯一）路由。"},
	},
	model.ReasonPathRefused: {
		text{"This address is spelled in a way that is not accepted.", "该地址的写法不被接受。"},
		text{"The path could be read in two ways, or names no record: segments that are empty, dots or \"*\", encoded separators, escapes within escapes, \";\" and control characters are refused.", "该路径可能有两种解读，或未指明记录：空段、点段、“*”、编码的分隔符、嵌套转义、分号和控制字符均被拒绝。"},
	},
	model.ReasonItemInvalid: {
		text{"The application asked in a way that cannot be understood. Please tell its support.", "应用发出的请求无法识别，请联系应用的技术支持。"},
		text{"This is not a complete question: {reason}", "这不是一个完整的请求：{reason}"},
	},
	model.CodeRevisionBehind: {
		text{"The latest changes have not arrived here yet. Please try again in a moment.", "最近的更改尚未在此生效，请稍后重试。"},
		text{"The answer would be older than was demanded, so there is none for {subject}, {action} and {target}. Ask again shortly.", "应答所依据的版本低于所要求的版本，因此未就 {subject} 对 {target} 执行 {action} 作出判定，请稍后重试。"},
	},
	model.CodeInternal: {
		text{"Something went wrong on our side, so the answer is no.", "服务内部出错，因此请求被拒绝。"},
		text{"The policy could not be evaluated for {subject}, {action} and {target}. The operators find the cause in the log.", "无法就 {subject} 对 {target} 执行 {action} 作出判定，原因见运维日志。"},
	},
}
