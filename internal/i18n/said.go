package i18n

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"rolegate/model"
)

// Said is the message of an error in another language than English, "" where
// nobody has translated it. What administrators are told all is; what only
// backends and hosts meet, as about an entry of a file, is not.
func Said(l Lang, e *model.Error) string {
	translated, ok := said[e.Format]
	if !ok || l != Chinese {
		return ""
	}
	return fmt.Sprintf(translated, e.Args...)
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

// said is Chinese by the English format. A test holds it complete.
var said = map[string]string{
	// nobody is above the rules
	"nobody does this to their own account":                                                                           "不能对自己的账号执行此操作。",
	"nobody brings people, units or territories below themselves":                                                     "不能将人员、部门或销售区域置于自己名下。",
	"nobody gives roles to a team they are in":                                                                        "不能为自己所在的团队授予或收回角色。",
	"%d entries are beyond what you may do, so nothing is imported":                                                   "有 %d 项超出您的权限，因此未导入任何内容。",
	"the file has %d records of the CRM: they are imported by the CRM's own systems, or on the host":                  "文件中有 %d 条 CRM 记录：此类记录须由 CRM 系统或在主机上导入。",
	"%s administers Rolegate in ways you cannot yourself":                                                             "%s 拥有您所没有的 Rolegate 管理权限。",
	"your roles do not give you the right to do this":                                                                 "您的角色没有执行此操作的权限。",
	"nobody of that name is registered":                                                                               "没有登记该名称的主体。",
	"nobody has decided that this person may do this":                                                                 "此人执行此操作的权限尚未经过判定。",
	"a second factor is required":                                                                                     "您的账号必须启用动态验证码，请先绑定验证设备。",
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
	"no office is held by %s":                                                                                  "%s 不担任任何三员职责。",
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
	"the %s must be a JSON object, such as %s":                   "%s 必须是 JSON 对象，例如 %s。",
	"%q is no place in the log; begin again at the first page":   "%q 不是日志中的位置，请从第一页重新开始。",

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
	"the comment is longer than %d bytes":     "意见超过 %d 字节。",
}
