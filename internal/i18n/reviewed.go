package i18n

import "rolegate/model"

// findings say what is noticed about a row. {row} is the row as people read it,
// {other} the first row that explains it.
var findings = map[model.FindingCode]text{
	model.FindingLockedOut: {"This cannot be published: nobody could change the policy any more, but on the host. {lacking}", "无法发布：除主机操作外，将无人能再修改策略。{lacking}"},

	model.FindingShadowed:   {"{row} changes nothing: {other} says as much.", "{row} 不起作用：{other} 已包含同样的内容。"},
	model.FindingOverridden: {"{row} changes nothing: {other} takes all of it away.", "{row} 不起作用：{other} 已将其全部取消。"},
	model.FindingObjectOff:  {"{row} changes nothing: the catalogue switches {object} off.", "{row} 不起作用：目录已停用 {object}。"},
	model.FindingUngranted:  {"{row} changes nothing: {action} requires {word} as well, which no row allows to anybody.", "{row} 不起作用：{action} 还需要 {word}，而没有任何规则向任何人允许该操作。"},

	model.FindingUnlisted: {"The catalogue does not know {word}, which {row} names. Is it misspelled?", "目录中没有 {row} 所指的 {word}。是否拼写有误？"},
	model.FindingRequired: {"{row} is of use only to those who have a further role: {action} requires {word} as well, which {subject} by itself has not got.", "{row} 仅对另有其他角色的人有用：{action} 还需要 {word}，而 {subject} 自身没有该权限。"},

	model.FindingGrant:       {"Opens: {row}{was}.", "放宽：{row}{was}。"},
	model.FindingDenial:      {"Opens, since this denial is gone: {row}{is}.", "放宽，以下禁止规则不再存在：{row}{is}。"},
	model.FindingRestriction: {"Opens, since this restriction is gone: {row}{is}.", "放宽，以下限制规则不再存在：{row}{is}。"},
	model.FindingAssurance:   {"Asks for less proof of identity, since this is gone: {row}{is}.", "身份验证要求降低，以下规则不再存在：{row}{is}。"},
	model.FindingField:       {"Opens fields: {row}{was}.", "放宽字段：{row}{was}。"},
	model.FindingInherits:    {"Opens: {row}.", "放宽：{row}。"},
	model.FindingFreed:       {"May open: no longer {row}, so what bound {subject} by that does so no more{other_rows}.", "可能放宽：不再有 {row}，{subject} 因此不再受其约束{other_rows}。"},
	model.FindingWord:        {"May open: {word} means something by {row}, and so rows for * apply to it.", "可能放宽：{word} 因 {row} 而有了含义，针对 * 的规则因此对其生效。"},

	model.FindingNobody: {"Nobody may do this any more: {word}. What allowed it was {row}.", "从此无人可以执行：{word}。此前允许该操作的规则为 {row}。"},

	model.FindingTwoDuties:     {"{role} may do the work of more than one office: {word}. One of its rows is {row}.", "{role} 兼有多个管理员职责：{word}。其中一条规则为 {row}。"},
	model.FindingAdministers:   {"{role} is no office, and administers Rolegate: {row}.", "{role} 不是三员角色，却可管理 Rolegate：{row}。"},
	model.FindingOfficeRecords: {"The office {role} reaches records of the CRM: {row}.", "三员角色 {role} 可接触业务数据：{row}。"},
}

// lockedOut says what lacks where nobody could change the policy any more.
var lockedOut = struct{ nobody, few, or text }{
	nobody: text{"Of those who can log in, nobody could {word}.", "在可登录的人员中，将无人可以{word}。"},
	or:     text{" or ", "或"},
	few:    text{"Too few who can log in are left: one must write a change, another, with an office, approve it, and one who did not approve it publish it.", "可登录的人员不足：须有一人编写变更，另有一名担任三员职责的人审批，并由未参与审批的人发布。"},
}

// steps are what a change of the policy takes, by the action that is the right to it.
var steps = map[string]text{
	"import":  {"write a change", "编写变更"},
	"approve": {"approve one while holding an office", "以三员身份审批变更"},
	"publish": {"publish one", "发布变更"},
}

// duties are what the offices are there for.
var duties = map[string]text{
	"people": {"people and roles", "人员与角色"},
	"policy": {"the policy", "策略"},
	"log":    {"the log", "审计日志"},
}

// rowTexts say what rows mean.
var rowTexts = struct {
	allow, deny, restriction, fieldAllow, fieldDeny, assurance, inherits, anyAction, bounded, quoted, line text
}{
	allow:       text{"{holder} may {action} {reach}{if}", "{holder} 可以对{reach}执行 {action}{if}"},
	deny:        text{"{holder} may not {action} {reach}{if}", "{holder} 不得对{reach}执行 {action}{if}"},
	restriction: text{"{holder} may {action} {object} records only while {condition}", "{holder} 仅在 {condition} 时可以对 {object} 记录执行 {action}"},
	fieldAllow:  text{"{holder} may {access} the field {field} of {object} records", "{holder} 可以 {access} {object} 记录的字段 {field}"},
	fieldDeny:   text{"{holder} may not {access} the field {field} of {object} records", "{holder} 不得 {access} {object} 记录的字段 {field}"},
	assurance:   text{"to {action} {object} records, {holder} needs authentication of level {acr}{fresh}", "{holder} 对 {object} 记录执行 {action}，需要身份验证达到 {acr} 级{fresh}"},
	inherits:    text{"{holder} has all rights of {inherits}", "{holder} 拥有 {inherits} 的全部权限"},
	anyAction:   text{"do anything with", "任何操作"},
	bounded:     text{" ({scope})", "（{scope}）"},
	quoted:      text{"“{row}”", "“{row}”"},
	line:        text{"“{row}” (line {line})", "“{row}”（第 {line} 行）"},
}

// reviewTexts are parts of the sentences of a review.
var reviewTexts = struct {
	was, is, rows, unnamed                                           text
	added, removed, changed, renamed                                 text
	passed, failed, failedCode                                       text
	gains, loses, proof, mixed, reason, opened, closed, noAsks, more text
}{
	was:     text{", before: {other}", "（此前：{other}）"},
	is:      text{", now: {other}", "（现为：{other}）"},
	rows:    text{", among it {other}", "，例如 {other}"},
	unnamed: text{" and no row names it any more, so that answers do not say it is hidden", "，且不再有规则提及该字段，因此答复中不会再将其列为隐藏"},

	added:   text{"New: {after}.", "新增：{after}。"},
	removed: text{"Gone: {before}.", "删除：{before}。"},
	changed: text{"Changed: {before} becomes {after}.", "修改：{before} 变为 {after}。"},
	renamed: text{"Only its name is another: {after}.", "仅名称变更：{after}。"},

	passed:     text{"{name}: as expected, {got} ({code}).", "{name}：符合预期，{got}（{code}）。"},
	failed:     text{"{name}: {subject}, {action} on {object} {record} is to be {want}, and is {got} ({code}).", "{name}：{subject} 对 {object} {record} 执行 {action} 应为{want}，实际为{got}（{code}）。"},
	failedCode: text{"{name}: {subject}, {action} on {object} {record} is to be {want} for the reason {want_code}, and is {got} ({code}).", "{name}：{subject} 对 {object} {record} 执行 {action} 应为{want}（原因 {want_code}），实际为{got}（{code}）。"},

	gains:  text{"{subject} gains: {action} on {object}{fields}.", "{subject} 获得：对 {object} 执行 {action}{fields}。"},
	loses:  text{"{subject} loses: {action} on {object}{fields}.", "{subject} 失去：对 {object} 执行 {action}{fields}。"},
	proof:  text{"{subject} may {action} on {object} as before, with other proof of identity.", "{subject} 仍可对 {object} 执行 {action}，但身份验证要求不同。"},
	mixed:  text{"{subject}, {action} on {object}: some fields open and others close{fields}.", "{subject} 对 {object} 执行 {action}：部分字段放开，部分字段关闭{fields}。"},
	reason: text{"{subject} may still not {action} on {object}, for another reason.", "{subject} 仍不得对 {object} 执行 {action}，但原因不同。"},
	opened: text{"; fields that open: {fields}", "；放开的字段：{fields}"},
	closed: text{"; fields that close: {fields}", "；关闭的字段：{fields}"},

	noAsks: text{"Recorded requests were not looked at.", "未查看历史请求。"},
	more:   text{"{looked} {what} were looked at; there are more.", "检查了 {looked} 项{what}；仍有更多未检查。"},
}

// unseenTexts say what a simulation did not look at, of how many.
var unseenTexts = map[model.UnseenKind]text{
	model.UnseenSubjects: {"{looked} of {of} registered subjects were looked at.", "已登记的 {of} 个主体中，检查了 {looked} 个。"},
	model.UnseenRecords:  {"{looked} of {of} records were looked at.", "{of} 条记录中，检查了 {looked} 条。"},
	model.UnseenRequests: {"{looked} of {of} recorded requests were looked at.", "{of} 条历史请求中，检查了 {looked} 条。"},
	model.UnseenSamples:  {"It stopped after {looked} requests; there are more.", "检查 {looked} 个请求后停止，仍有更多请求未检查。"},

	model.UnseenOther:   {"Not compared: {of} that the policy in force answers otherwise today than they were answered. People, records or the policy have changed since, or the request said more than the log keeps.", "未比较：{of} 条请求按现行策略的判定结果与当时不同。可能是人员、记录或策略此后已变更，也可能是请求中包含审计日志未保存的内容。"},
	model.UnseenUnsaid:  {"Not compared: {of} whose answer under the draft depends on what the request said of its record or itself, which the log does not keep.", "未比较：{of} 条请求在草稿下的判定取决于请求自带的内容（记录属性、上下文等），而审计日志不保存这些内容。"},
	model.UnseenGone:    {"Not compared: {of} of people, objects or actions that are not there any more.", "未比较：{of} 条请求涉及的人员、对象或操作已不存在。"},
	model.UnseenErased:  {"Not compared: {of} of which the personal part was erased.", "未比较：{of} 条请求中的个人信息已被删除。"},
	model.UnseenCounted: {"Not compared: {of} denials of which the log keeps the number only, since there were so many at once.", "未比较：{of} 次拒绝因短时间内数量过多，审计日志仅保存了次数。"},
}

// verdicts are what a case wants.
var verdicts = map[string]text{"allow": {"allowed", "允许"}, "deny": {"denied", "拒绝"}}

// unseenThings are what a simulation cannot look at in full.
var unseenThings = map[model.UnseenKind]text{
	model.UnseenSubjects: {"subjects", "主体"},
	model.UnseenRecords:  {"records", "记录"},
	model.UnseenRequests: {"recorded requests", "历史请求"},
}
