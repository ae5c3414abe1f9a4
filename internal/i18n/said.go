package i18n

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rolegate/model"
)

// Said is the message of an error in another language than English, a whole
// sentence; "" where nobody has translated it.
func Said(l Lang, e *model.Error) string {
	if l != Chinese {
		return ""
	}
	chinese, ok := inChinese(e.Phrase())
	if ok && !strings.HasSuffix(chinese, "。") {
		chinese += "。"
	}
	return chinese
}

// Phrase is a phrase in a language, without a full stop at its end.
func Phrase(l Lang, p model.Phrase) string {
	if l != Chinese {
		return p.Text
	}
	chinese, ok := inChinese(p)
	if !ok {
		return p.Text
	}
	return strings.TrimSuffix(chinese, "。")
}

// inChinese says a phrase in Chinese, and those among what it was made of.
func inChinese(p model.Phrase) (string, bool) {
	translated, ok := chinese(p.Format)
	if !ok {
		return "", false
	}
	args := slices.Clone(p.Args)
	for i, arg := range args {
		if part, is := arg.(model.Phrase); is {
			chinese, ok := inChinese(part)
			if !ok {
				return "", false // half a sentence is none
			}
			args[i] = strings.TrimSuffix(chinese, "。")
		}
	}
	return fmt.Sprintf(translated, args...), true
}

// Capital makes a sentence of an English message: a capital and a full stop.
func Capital(message string) string {
	first, size := utf8.DecodeRuneInString(message)
	message = string(unicode.ToUpper(first)) + message[size:]
	if !strings.HasSuffix(message, ".") {
		message += "."
	}
	return message
}

// said is what errors say, in Chinese by the English format: whole sentences, while
// phrases are parts of some. A test holds both complete.
var said = map[string]string{
	// nobody is above the rules
	"recorded requests are for holders of the office %s":                                                              "历史请求仅供担任 %s 的人员使用。",
	"nobody does this to their own account":                                                                           "不能对自己的账号执行此操作。",
	"nobody brings people, units or territories below themselves":                                                     "不能将人员、部门或销售区域置于自己名下。",
	"for the account %s the office %s was asked for already, and nobody has decided yet":                              "已有人为账号 %s 申请担任 %s，尚待审批。",
	"the account %s has no second factor yet; an office is for whoever has one":                                       "账号 %s 还没有第二因素；只有已绑定第二因素的账号才能担任三员职责。",
	"people have unlocked %s as often as a day allows; on the host it can be done at once":                            "今天为 %s 解除锁定的次数已达上限；在主机上可立即解除。",
	"nobody lets others into a team they are in":                                                                      "不能将他人加入自己所在的团队。",
	"nobody gives roles to a team they are in":                                                                        "不能为自己所在的团队授予或收回角色。",
	"%d entries are beyond what you may do, so nothing is imported":                                                   "有 %d 项超出您的权限，因此未导入任何内容。",
	"the file has %d records of the CRM: they are imported by the CRM's own systems, or on the host":                  "文件中有 %d 条 CRM 记录：此类记录须由 CRM 系统或在主机上导入。",
	"%s administers Rolegate in ways you cannot yourself":                                                             "%s 拥有您所没有的 Rolegate 管理权限。",
	"what %s withholds is not yours to give":                                                                          "您无权给予 %s 所限制的权限。",
	"what you give ends no later than your own right to give it":                                                      "授予的期限不能晚于您自己授予权限的期限。",
	"your roles do not give you the right to do this":                                                                 "您的角色没有执行此操作的权限。",
	"nobody of that name is registered":                                                                               "没有登记该名称的主体。",
	"nobody has decided that this person may do this":                                                                 "此人执行此操作的权限尚未经过判定。",
	"this page has made its recovery codes, and they were used or replaced since; ask for new ones if you need them":  "此页面已生成过恢复码，这些恢复码此后已被使用或替换。如有需要，请重新生成。",
	"this is for a session that a recovery code opened; add a device among your devices":                              "此操作仅适用于使用恢复码打开的会话。如需添加验证设备，请在“验证设备”中操作。",
	"the device waited too long for its code, or another one took its place; begin anew with a new one":               "该验证设备等待验证码的时间过长，或已被另一设备取代。请重新绑定新的设备。",
	"a second factor is required":                                                                                     "您的账号必须使用动态验证码。",
	"the client has lost the scope %s":                                                                                "该客户端已不再拥有授权范围 %s。",
	"this client lacks the scope %s":                                                                                  "该客户端没有授权范围 %s。",
	"the client does not have the scope directory any more":                                                           "该客户端已不再拥有授权范围 directory。",
	"a client with the scope %s is looked after on the host, with `rolegate client`; here a client has the scopes %s": "具有授权范围 %s 的客户端须在主机上用 `rolegate client` 管理；此处的客户端只能具有授权范围 %s。",

	// the policy's pages
	"the row you were changing is not in the draft any more: somebody has changed or removed it": "您正在修改的行已不在草稿中：它已被他人修改或删除。",
	"the policy document has bad rows": "策略文档中有无法读取的行。",
	"line %d has no row":               "第 %d 行没有规则。",
	"column %d of the row holds a line break or another character that cannot be seen": "该行第 %d 列含有换行或其他不可见字符。",

	// offices
	"%q is no office; there are %s":                                                                            "%q 不是三员职责；职责有 %s。",
	"nobody asks for an office for themselves":                                                                 "不能为自己申请三员职责。",
	"the office %s is held by %s already":                                                                      "职责 %s 已由 %s 担任。",
	"the request has expired; ask anew":                                                                        "该申请已过期，请重新申请。",
	"the request has been decided already":                                                                     "该申请已有结论。",
	"%s is an office: it is held by users themselves, not by %s":                                               "%s 是三员职责，只能由用户本人担任，不能由 %s 担任。",
	"an office is given by who holds one without an end, and %s holds %s for a time":                           "三员职责须由长期任职者授予，而 %s 担任 %s 有期限。",
	"no office is held by %s":                                                                                  "%s 不担任任何三员职责。",
	"the reason has a character in it that cannot be seen":                                                     "理由中含有不可见字符。",
	"the reason is longer than %d bytes":                                                                       "理由超过 %d 字节。",
	"who asked for the office, who approves it and who gets it are three people":                               "申请人、批准人和任职者必须是三个不同的人。",
	"an approval is by the holder of another office: %s and %s both hold %s":                                   "须由担任另一职责的人批准：%s 与 %s 都担任 %s。",
	"the last holder of the office %s, or the last without an end to it, is %s; give it to someone else first": "职责 %s 的最后一名任职者（或最后一名长期任职者）是 %s，请先任命其他人。",
	"one account cannot hold two offices, and %s already holds %s":                                             "同一账号不能担任两个职责，而 %s 已担任 %s。",

	// what is there already, or still needed
	"a user with the id %q or the name %q is already there": "标识为 %q 或用户名为 %q 的用户已存在。",
	"a client named %q is already there":                    "名为 %q 的客户端已存在。",
	"%q has no account yet and somebody else has the user name %q; `rolegate user add` with --username gives it another one": "%q 尚无账号，而用户名 %q 已被他人使用，请用 `rolegate user add` 的 --username 另取用户名。",
	"somebody else has the user name %q":                                "用户名 %q 已被他人使用。",
	"the tenant %q is already there":                                    "租户 %q 已存在。",
	"the role %q is already there":                                      "角色 %q 已存在。",
	"%d members still hold the role %q; `rolegate role unassign` first": "仍有 %d 个成员拥有角色 %q，请先用 `rolegate role unassign` 解除。",
	"%q has a password here already":                                    "%q 在此已有密码。",
	"%q is there under the user name %q":                                "%q 已存在，用户名为 %q。",
	"the %s %q is in use by the %s %q":                                  "%s %q 正被 %s %q 使用。",

	// questions on pages
	"the attribute %q is given twice: in its field, and as JSON": "属性 %q 重复：既填写了字段，又出现在 JSON 中。",
	"the attribute %q must be a number":                          "属性 %q 必须是数字。",
	"the attribute %q must be true or false":                     "属性 %q 必须为“是”或“否”。",
	"the %s must be a JSON object, such as %s":                   "%s必须是 JSON 对象，例如 %s。",
	"this is no place in a history":                              "该地址不对应登录记录中的位置，请从第一页重新开始。",

	// what is asked for cannot be
	"an assignment of %s to %s would have ended already, at %s; `rolegate role unassign` takes a role away":         "将 %s 授予 %s 的期限已于 %s 结束；如要收回角色，请用 `rolegate role unassign`。",
	"the assignment of %s to %s ends before it begins":                                                              "将 %s 授予 %s 的期限在开始之前就已结束。",
	"a user's id has no colon, and %q has one: type and id are written type:id":                                     "用户标识不含冒号，而 %q 含有冒号：类别与标识写作 type:id。",
	"%q cannot name a client: no colons or blanks, and rolegate is our own":                                         "%q 不能用作客户端名称：不得含冒号或空格，且 rolegate 为系统保留。",
	"a client needs at least one scope of %s":                                                                       "客户端至少需要以下授权范围之一：%s。",
	"%q is no scope; there are %s":                                                                                  "%q 不是授权范围；授权范围有 %s。",
	"the password is longer than %d bytes":                                                                          "密码超过 %d 字节。",
	"the name of a device has at most %d bytes":                                                                     "验证设备的名称最多 %d 字节。",
	"the name of a device is visible text, and not only spaces":                                                     "验证设备的名称必须是可见文字，不能只有空格。",
	"the current password is longer than %d bytes":                                                                  "当前密码超过 %d 字节。",
	"this is not a usable user name: no spaces, no control characters, no mix of writing directions, and not empty": "该用户名不可用：不能为空，不能含空格或控制字符，也不能混用书写方向。",

	// the life of a policy's change
	"whoever wrote or submitted a change does not approve it":                                 "编写或提交变更的人不能审批该变更。",
	"whoever approved a change does not publish it":                                           "审批变更的人不能发布该变更。",
	"there are %d drafts already; publish or withdraw some of them first":                     "已有 %d 份草稿，请先发布或撤回其中一些。",
	"the draft has been submitted already, by %s":                                             "草稿已由 %s 提交。",
	"the draft changes nothing of the policy in force":                                        "草稿与现行策略没有差别。",
	"the draft has changed meanwhile":                                                         "草稿在此期间已被更改。",
	"the draft has been withdrawn":                                                            "草稿已撤回。",
	"the draft has been published, as revision %d":                                            "草稿已发布为版本 %d。",
	"the draft is not submitted, so there is nothing to approve":                              "草稿尚未提交，无可审批。",
	"the draft is not submitted, so there is nothing to turn down":                            "草稿尚未提交，无可驳回。",
	"the change was approved by %s, who holds no office any more; save it and submit it anew": "审批人 %s 已不再担任任何三员职责；请保存草稿并重新提交。",
	"nobody has approved the change, so it may be published from %s on":                       "该变更无人审批，自 %s 起方可发布。",
	"the change has not been approved":                                                        "该变更尚未通过审批。",
	"the policy of revision %d is in force already":                                           "版本 %d 的策略正在生效，无需回滚。",
	"say in a title what the change is for":                                                   "请用标题说明变更的目的。",
	"under this catalogue nobody could change the policy any more: keep the actions import, approve and publish of the object rolegate.policy, and what they require, as they are":                                                         "该目录一旦生效，将无人能再修改策略：请保留对象 rolegate.policy 的 import、approve 和 publish 操作及其所需操作。",
	"under this policy nobody could change the policy any more, but on the host: of those who can log in, one must have the right to write a change, another, with an office, to approve it, and one who did not approve it to publish it": "该策略一旦生效，除主机操作外将无人能再修改策略：在可登录的人员中，须有一人有权编写变更，另有一名担任三员职责的人有权审批，并有未参与审批的人有权发布。",
	"the title is longer than %d bytes":       "标题超过 %d 字节。",
	"the title has a control character in it": "标题中含有控制字符。",

	// documents and files as a whole
	"the policy document has %s":                                                                                         "策略文档中有%s。",
	"the catalogue has %s":                                                                                               "目录中有%s。",
	"the catalogue has %d bytes, more than the limit of 4 MiB":                                                           "目录有 %d 字节，超过 4 MiB 的上限。",
	"the types of this catalogue do not suit %s of the policy in force":                                                  "该目录的类型与现行策略中的%s不符。",
	"the cases have 1 mistake":                                                                                           "测试用例中有 1 处错误。",
	"the cases have %d mistakes":                                                                                         "测试用例中有 %d 处错误。",
	"the cases have %d bytes, more than the limit of 1 MiB":                                                              "测试用例有 %d 字节，超过 1 MiB 的上限。",
	"the cases have %d bytes, and at most %d are allowed":                                                                "测试用例有 %d 字节，最多 %d 字节。",
	"%d of %d cases did not pass":                                                                                        "%[2]d 个测试用例中有 %[1]d 个未通过。",
	"the file has a bad entry, so nothing was imported":                                                                  "文件中有 1 个错误的条目，因此未导入任何数据。",
	"the file has %d bad entries, so nothing was imported":                                                               "文件中有 %d 个错误的条目，因此未导入任何数据。",
	"the file has more than %d bad entries, of which the first are named, so nothing was imported":                       "文件中错误的条目超过 %d 个，仅列出前面的部分；未导入任何数据。",
	"the file has more than %d entries; split it":                                                                        "文件的条目超过 %d 个，请拆分。",
	"the file has more than %d users; split it":                                                                          "文件的用户超过 %d 个，请拆分。",
	"the file is nested deeper than %d levels (%s) at %d:%d":                                                             "文件的嵌套超过 %d 层（%s），位于 %d:%d。",
	"the table has %d bad lines, so nothing was imported":                                                                "表格中有 %d 个错误的行，因此未导入任何数据。",
	"the table has more than %d people; split it":                                                                        "表格的人员超过 %d 个，请拆分。",
	"the directory has changed since the preview, and with it what this import would do; look at it again":               "预览之后人员目录已有更改，此次导入的结果也随之不同，请重新预览。",
	"the draft is at version %d by now, by %s, and you saw version %d; look at what changed, and repeat what you wanted": "草稿现在是第 %d 版（由 %s 修改），而您看到的是第 %d 版；请查看变化后重试。",
	"the policy in force is of revision %d, and this draft was made from revision %d; take over what changed, and submit it anew": "现行策略为版本 %d，而此草稿基于版本 %d；请合并变化后重新提交。",
	"the policy in force is of revision %d, and this one was made from revision %d; export it again and repeat the edit":          "现行策略为版本 %d，而所提交的基于版本 %d；请重新导出后再作修改。",
	"the filter cannot be put in SQL over these columns":                                                                          "无法用这些列将过滤条件写成 SQL。",
	"the filter cannot be put in SQL over these columns: %s":                                                                      "无法用这些列将过滤条件写成 SQL：%s。",
	"the policy makes no list filter of this question":                                                                            "策略无法就该请求给出列表过滤条件。",
	"the row %q in line %d cannot be a list filter: %s":                                                                           "第 %[2]d 行的规则 %[1]q 无法表示为列表过滤条件：%[3]s。",
	"the filter would hold more than %d values in all its lists together":                                                         "过滤条件的所有列表合计超过 %d 个值。",
	"there are more than %d actions and fields; name one object in the parameter object":                                          "操作和字段超过 %d 个，请用参数 object 指定一个对象。",

	// entries of the directory
	"the id is empty":                           "标识为空。",
	"the %s is empty":                           "%s为空。",
	"the %s is longer than %d bytes":            "%s超过 %d 字节。",
	"the %s is *, which stands for all of them": "%s为 *，而 * 表示全部。",
	"the %s %q holds characters that cannot be seen, or is not UTF-8": "%s %q 含有不可见字符，或不是 UTF-8 文本。",
	"the %s %q %s":             "%s %q %s。",
	"the %s goes in a circle":  "%s形成循环。",
	"%q begins with %s: twice": "%q 重复以 %s: 开头。",
	"%q is no member: write type:id, such as user:alice or team:emea":                                                             "%q 不是成员：请写作 type:id，例如 user:alice 或 team:emea。",
	"%q is a role; which roles inherit which is written in the policy document, as g rows":                                        "%q 是角色；角色之间的继承写在策略文档中（g 规则）。",
	"%q cannot be the type of a subject":                                                                                          "%q 不能用作主体的类别。",
	"%s is the year 1; leave it out, or send null, for no bound":                                                                  "%s 为公元 1 年；不设期限请省略，或填 null。",
	"there are %d %s, and %d are the most of one entry":                                                                           "%[2]s 有 %[1]d 项，而一个条目最多 %[3]d 项。",
	"the name of an attribute is empty, or longer than %d bytes":                                                                  "属性名为空，或超过 %d 字节。",
	"the attributes have more than %d bytes":                                                                                      "属性合计超过 %d 字节。",
	"the assignment of %s to %s is bounded by the first moment of 1970, which some programs send for none; leave it out for none": "将 %s 授予 %s 的期限是 1970 年的最初一刻，有些程序以此表示没有期限；没有期限请省略。",
	"%s is an office, and the offices always require a second factor":                                                             "%s 是三员职责，三员职责始终要求动态验证码。",
	"%s is an office and cannot be removed":                                                                                       "%s 是三员职责，不能删除。",
	"the role %s is an office: it is given and taken on the host, or given by two holders of two offices":                         "角色 %s 是三员职责：须在主机上任免，或由两位不同职责的在任者共同任命。",
	"the role %s is an office: it is given on the host, or by two holders of two offices":                                         "角色 %s 是三员职责：须在主机上任命，或由两位不同职责的在任者共同任命。",
	"who holds an office, as %s does, is administered by the holder of one, or on the host":                                       "%s 担任三员职责，只能由三员任职者或在主机上管理其账号。",
	"there is no role %q":                            "没有角色 %q。",
	"%q is no role: roles are named without %s here": "%q 不是角色：此处的角色名不带 %s。",
	"%q is no user: an id has no colon":              "%q 不是用户：标识不含冒号。",
	"tenant %q has no role %q; `rolegate role list` shows them, `rolegate role add` adds one": "租户 %q 没有角色 %q；可用 `rolegate role list` 查看，用 `rolegate role add` 添加。",
	"tenant %q has no subject %q": "租户 %q 没有主体 %q。",
	"tenant %q has no team %q":    "租户 %q 没有团队 %q。",
	"%q has no account yet and its id is no user name; `rolegate user add` with --username gives it one": "%q 尚无账号，且其标识不能用作用户名；请用 `rolegate user add` 的 --username 指定。",
	"the key of client %q cannot be used: %s":                                                            "客户端 %q 的密钥无法使用：%s。",
	"the entry is not as If-Match demands: it was changed meanwhile, or is not there; read it again":     "条目与 If-Match 的要求不符：它在此期间已被修改，或不存在；请重新读取。",
	"the entry is there already, and If-None-Match demands that it is not":                               "条目已存在，而 If-None-Match 要求其不存在。",
	"the entry cannot be written as JSON":                                                                "条目无法写成 JSON。",
	"%q is already there":                                                                                "%q 已存在。",

	// forms and questions
	"unknown kind of row %q":                              "未知的规则类型 %q。",
	"%q is no time: write it as 2026-12-31T18:00, in UTC": "%q 不是时间：请写作 2026-12-31T18:00（UTC）。",
	"this is not the address of a device":                 "该地址不对应任何验证设备。",
	"the form cannot be read":                             "无法读取表单。",
	"the form has text that is not valid UTF-8":           "表单中含有不是有效 UTF-8 的文本。",
	"there must be 2 to %d moments, in order":             "时刻必须为 2 至 %d 个，并按先后排列。",
	"this client may not act in the tenant it asks for":   "该客户端不能在所请求的租户中操作。",
	"this client does not have the scope it asks for":     "该客户端没有所请求的授权范围。",
}
