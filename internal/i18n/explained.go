package i18n

import "rolegate/model"

// kinds are what the attributes that hold ids name.
var kinds = map[string]string{"owner": "user", "created_by": "user", "assignees": "user", "teams": "team", "unit": "unit",
	"territory": "territory", "account": "account", "contacts": "contact"}

// scopeLooks are the attributes each scope looks at, a blank behind each.
var scopeLooks = map[string]string{
	"own": "owner ", "created": "created_by ", "assigned": "assignees ", "unassigned": "owner ", "team": "owner teams ",
	"subtree": "owner assignees ", "unit": "owner unit ", "unit_tree": "owner unit ", "unit_head": "unit ",
	"territory": "territory ", "account": "account ", "contact": "contacts ", "shared": "shares ", "everyone": "shares ",
}

// scopes say which records a scope reaches, "it" being the holder.
var scopes = map[string]text{
	"all":        {"every {object} record", "所有 {object} 记录"},
	"own":        {"{object} records it owns", "其拥有的 {object} 记录"},
	"created":    {"{object} records it created", "其创建的 {object} 记录"},
	"assigned":   {"{object} records it is assigned to", "指派给其的 {object} 记录"},
	"unassigned": {"{object} records nobody owns", "无人拥有的 {object} 记录"},
	"team":       {"{object} records it owns or its teams are on", "其拥有或其团队参与的 {object} 记录"},
	"subtree":    {"{object} records of itself and of whoever reports to it", "其本人及下属的 {object} 记录"},
	"unit":       {"{object} records it owns or of its unit", "其拥有或其部门的 {object} 记录"},
	"unit_tree":  {"{object} records it owns or of its unit and those below", "其拥有或其部门及下级部门的 {object} 记录"},
	"unit_head":  {"{object} records of the units it heads", "其负责部门的 {object} 记录"},
	"territory":  {"{object} records in its territories", "其区域内的 {object} 记录"},
	"account":    {"{object} records of its accounts", "其所属客户的 {object} 记录"},
	"contact":    {"{object} records that list its contact", "列有其联系人的 {object} 记录"},
	"shared":     {"{object} records shared with it", "共享给其的 {object} 记录"},
	"everyone":   {"{object} records shared with everybody", "共享给所有人的 {object} 记录"},
}

// explained are the sentences of reasons and their parts.
var explained = struct {
	grant, denial, denialUnknown, narrowing, restriction, assurance, miss text

	everybody, and, ifText, via, from, until, fresh, asChanged, is, isFalse, isUnknown, absent text
}{
	grant:         text{"{holder} may {action} {reach}{if}{via}.", "{holder} 可以对{reach}执行 {action}{if}{via}。"},
	denial:        text{"{holder} may not {action} {reach}{if}{via}.", "{holder} 不得对{reach}执行 {action}{if}{via}。"},
	denialUnknown: text{"{holder} may not {action} {reach}{if}{via}; what is not known counts as denied: {why}.", "{holder} 不得对{reach}执行 {action}{if}{via}；未知一律视为禁止：{why}。"},
	narrowing:     text{"{holder} may not {action} {reach}{if}{via}; other records are left.", "{holder} 不得对{reach}执行 {action}{if}{via}；其他记录不受影响。"},
	restriction:   text{"{holder} may {action} {object} records only while {condition}{when}, and {why}{via}.", "{holder} 仅在 {condition} 时可以对 {object} 记录执行 {action}{when}，而{why}{via}。"},
	assurance:     text{"To {action} {object} records, {holder} needs authentication of level {acr}{fresh}{via}.", "{holder} 对 {object} 记录执行 {action}，需要身份验证达到 {acr} 级{fresh}{via}。"},
	miss:          text{"{holder} may {action} {reach}{if}{via}; {why}.", "{holder} 可以对{reach}执行 {action}{if}{via}；{why}。"},

	everybody: text{"everybody", "所有人"},
	and:       text{"; ", "；"},
	ifText:    text{" provided {condition}", "（条件：{condition}）"},
	via:       text{" ({path})", "（{path}）"},
	from:      text{", from {time}", "，自 {time} 起"},
	until:     text{", until {time}", "，至 {time} 止"},
	fresh:     text{", proven at most {seconds} s ago", "且在 {seconds} 秒内完成"},
	asChanged: text{" after the change as well", "，修改之后亦然"},
	is:        text{"{name} is {value}", "{name} 为 {value}"},
	isFalse:   text{"that does not hold", "该条件不满足"},
	isUnknown: text{"whether that holds is not known", "该条件无法判定"},
	absent:    text{"not sent or not usable: {absent}", "未提供或无法使用：{absent}"},
}

// missed say what keeps a grant from reaching.
var missed = map[model.Missed]text{
	model.MissedRole:             {"{subject} is not {holder}", "{subject} 不属于 {holder}"},
	model.MissedWindow:           {"{subject} is {holder} at another time{window}", "{subject} 仅在其他时间属于 {holder}{window}"},
	model.MissedScope:            {"{subject} has nothing that reaches records in this way", "{subject} 不具备以此方式访问记录的条件"},
	model.MissedScopeUnknown:     {"what this looks at was not sent", "所依据的属性未提供"},
	model.MissedCondition:        {"the condition does not hold", "条件不满足"},
	model.MissedConditionUnknown: {"the condition is not known, for want of {absent}", "条件无法判定，缺少 {absent}"},
	model.MissedDenied:           {"denials take all of that away", "禁止规则已将其全部取消"},
}

// states say what is known of an attribute.
var states = map[model.AttributeState]text{
	model.AttributeKnown:      {"{name} does not match", "{name} 不匹配"},
	model.AttributeNone:       {"{name} is empty", "{name} 为空"},
	model.AttributeNotSent:    {"{name} was not sent", "未提供 {name}"},
	model.AttributeUnreadable: {"{name} is of the wrong type", "{name} 的类型不正确"},
}

// closed say why a field is closed.
var closed = map[model.Closed]text{
	model.ClosedToAll:   {"The field {field} is closed to everybody for {access}, by \"{rule}\".", "字段 {field} 的 {access} 对所有人关闭，依据“{rule}”。"},
	model.ClosedByRule:  {"The field {field} is closed for {access}, by \"{rule}\", and no role opens it{via}.", "字段 {field} 的 {access} 被“{rule}”关闭，且没有角色将其开放{via}。"},
	model.ClosedSecured: {"The field {field} is secured in the catalogue, and no rule that names it opens it for {access}.", "字段 {field} 在目录中受保护，没有指明该字段的规则开放其 {access}。"},
	model.ClosedMasked:  {"The field {field} is seen masked only, so nothing may be filtered, sorted or aggregated by it.", "字段 {field} 仅能以脱敏形式查看，因此不能据此筛选、排序或汇总。"},
}
