package i18n

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"rolegate/model"
)

// UserReason tells the person why, without naming policy, roles or other people.
func UserReason(l Lang, code model.Code, words Words) string {
	return fill(reasonText(code).user.in(l), words)
}

// AdminReason tells those who look after the policy why.
func AdminReason(l Lang, code model.Code, words Words) string {
	return fill(reasonText(code).admin.in(l), words)
}

// DecisionWords gives a reason's text every word it may use, from the question
// and from what the decision found.
func DecisionWords(l Lang, q model.Question, d model.Decision) Words {
	w := Words{
		"subject": q.Subject.Type + ":" + q.Subject.ID,
		"action":  q.Action.Name,
		"object":  q.Resource.Type,
		"target":  target(l, q.Resource),
		"reason":  badQuestion.in(l),
	}
	if r := d.Rule; !r.IsZero() {
		w["rule"] = cmp.Or(r.Name, r.Text)
	}
	if d.Required != "" {
		w["required"] = d.Required
	}
	if len(d.Closed) > 0 {
		w["fields"] = strings.Join(d.Closed, ", ")
	}
	if d.StepUp != nil {
		w["assurance"] = assurance(l, *d.StepUp)
	}
	return w
}

var badQuestion = text{
	`a name is missing, too long or "*", or action.properties has a field list that is not a list of names`,
	"名称缺失、过长或为 “*”，或 action.properties 中的字段列表不是由字段名组成的数组",
}

// target names the record asked about, or the records of its kind.
func target(l Lang, r model.Entity) string {
	if r.ID == model.AnyRecord {
		return fill(text{"{object} records", "{object} 记录"}.in(l), Words{"object": r.Type})
	}
	return fill(text{`{object} "{id}"`, "{object}“{id}”"}.in(l), Words{"object": r.Type, "id": r.ID})
}

// assurance names the level, and how fresh it must be.
func assurance(l Lang, s model.StepUp) string {
	words := Words{"acr": strconv.Itoa(s.ACR), "seconds": strconv.FormatInt(int64(s.MaxAge/time.Second), 10)}
	if s.MaxAge == 0 {
		return fill(text{"level {acr}", " {acr} 级"}.in(l), words)
	}
	return fill(text{"level {acr}, proven at most {seconds} s ago", " {acr} 级且在 {seconds} 秒内完成"}.in(l), words)
}

func reasonText(code model.Code) reason {
	if r, ok := reasons[code]; ok {
		return r
	}
	return reasons[model.CodeInternal]
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
		text{"To {action} {target}, {subject} needs authentication of {assurance}; the access token that was sent does not prove it.", "{subject} 对 {target} 执行 {action}，需要身份验证达到{assurance}，但所提供的访问令牌不能证明这一点。"},
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
	model.ReasonItemInvalid: {
		text{"The application asked in a way that cannot be understood. Please tell its support.", "应用发出的请求无法识别，请联系应用的技术支持。"},
		text{"This is not a complete question: {reason}", "这不是一个完整的请求：{reason}"},
	},
	model.CodeInternal: {
		text{"Something went wrong on our side, so the answer is no.", "服务内部出错，因此请求被拒绝。"},
		text{"The policy could not be evaluated for {subject}, {action} and {target}. The operators find the cause in the log.", "无法就 {subject} 对 {target} 执行 {action} 作出判定，原因见运维日志。"},
	},
}
