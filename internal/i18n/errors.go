package i18n

import (
	"iter"
	"maps"

	"rolegate/model"
)

// Title is the short name of an error, the same for every occurrence.
func Title(l Lang, code model.Code) string { return errorText(code).title.in(l) }

// Detail says what an error means and what to do about it, where nothing more
// exact is known.
func Detail(l Lang, code model.Code) string { return errorText(code).detail.in(l) }

// Codes are those of errors, in no order.
func Codes() iter.Seq[model.Code] { return maps.Keys(problems) }

func errorText(code model.Code) problem {
	if p, ok := problems[code]; ok {
		return p
	}
	return problems[model.CodeInternal]
}

type problem struct{ title, detail text }

var problems = map[model.Code]problem{
	model.CodeInternal: {
		text{"Internal error", "内部错误"},
		text{"Something went wrong on our side. Please tell the operators the trace id.", "服务内部出错，请将 trace_id 告知运维人员。"},
	},
	model.CodeInvalidRequest: {
		text{"Invalid request", "请求无效"},
		text{"The request is malformed or incomplete.", "请求格式有误或不完整。"},
	},
	model.CodeUnsupportedMedia: {
		text{"Unsupported media type", "不支持的媒体类型"},
		text{"The body must be JSON, with Content-Type: application/json.", "请求体必须为 JSON，并带有 Content-Type: application/json。"},
	},
	model.CodeTooLarge: {
		text{"Request too large", "请求过大"},
		text{"The body is larger than this route accepts.", "请求体超出了该接口允许的大小。"},
	},
	model.CodeNotFound: {
		text{"Not found", "未找到"},
		text{"There is nothing at this address.", "该地址下没有内容。"},
	},
	model.CodeMethodNotAllowed: {
		text{"Method not allowed", "不允许的请求方法"},
		text{"This address does not answer this method; the Allow header lists those it does.", "该地址不支持此请求方法，可用的方法见 Allow 响应头。"},
	},
	model.CodeConflict: {
		text{"Conflict", "冲突"},
		text{"It exists already, or was changed in the meantime. Read it again and repeat the change.", "对象已存在，或在此期间已被修改。请重新读取后再作修改。"},
	},
	model.CodeUnauthorized: {
		text{"Not authenticated", "未通过身份验证"},
		text{"A valid access token is needed in the Authorization header: it is missing, has expired, or its session has ended. Get a new one.", "需要在 Authorization 请求头中提供有效的访问令牌：令牌缺失、已过期，或其会话已结束。请重新获取令牌。"},
	},
	model.CodeStepUp: {
		text{"Confirm that it is you", "请再次验证身份"},
		text{"This needs a one-time code entered in the last five minutes. Confirm your identity, then try again.", "此操作要求在五分钟内输入过动态验证码。请再次验证身份后重试。"},
	},
	model.CodeTooManyAttempts: {
		text{"Too many attempts", "尝试次数过多"},
		text{"There were too many attempts. Try again when the time in Retry-After is over. If your one-time codes are refused for good, log in with a recovery code or ask an administrator to unlock your account.", "尝试次数过多，请在 Retry-After 响应头指示的时间之后重试。如果动态验证码一直被拒绝，请使用恢复码登录，或联系管理员解除锁定。"},
	},
	model.CodeReEnrolOnly: {
		text{"Enrol a new device first", "请先绑定新设备"},
		text{"You logged in with a recovery code. Enrol a new device to go on.", "您使用恢复码登录，请先绑定新的验证设备，然后继续。"},
	},
	model.CodeDeviceLimit: {
		text{"Too many devices", "验证设备过多"},
		text{"There are five devices already. Remove one you no longer use first.", "您已绑定五个验证设备，请先移除不再使用的设备。"},
	},
	model.CodeLastDevice: {
		text{"Last device", "最后一个验证设备"},
		text{"A second factor is required of you, so the last device cannot be removed. Add another one first.", "您的账号必须启用动态验证码，不能移除最后一个验证设备，请先绑定新的设备。"},
	},
	model.CodeDeviceRequired: {
		text{"No device yet", "尚未绑定验证设备"},
		text{"This needs a device for one-time codes. Add one first.", "此操作需要验证设备，请先绑定。"},
	},
	model.CodeProxyUnauthorized: {
		text{"Proxy not authenticated", "代理未通过身份验证"},
		text{"The proxy in front of the application is not set up to ask here. Please tell the operators.", "应用前端的代理未正确配置，无法在此请求判定，请联系运维人员。"},
	},
	model.CodeForbidden: {
		text{"Not allowed", "没有权限"},
		text{"The access token is valid, but does not give the right to do this.", "访问令牌有效，但不具备执行此操作的权限。"},
	},
	model.CodeLoginFailed: {
		text{"Login failed", "登录失败"},
		text{"The user name or password is wrong.", "用户名或密码错误。"},
	},
	model.CodeTicketInvalid: {
		text{"Login step expired", "登录步骤已失效"},
		text{"This ticket is unknown, expired or used up. Please log in again.", "该登录凭据不存在、已过期或已用尽，请重新登录。"},
	},
	model.CodeCodeInvalid: {
		text{"Wrong code", "验证码错误"},
		text{"The code is wrong or was already used. Wait for the next one, and check that the phone's clock is right.", "验证码错误或已被使用。请等待下一个验证码，并确认手机时间准确。"},
	},
	model.CodeInviteInvalid: {
		text{"Invitation not valid", "邀请无效"},
		text{"This invitation is unknown, used, expired or no longer good. Ask whoever invited you for a new one.", "该邀请不存在、已被使用、已过期或已失效，请向邀请您的人索取新的邀请。"},
	},
	model.CodePasswordWrong: {
		text{"Wrong password", "当前密码错误"},
		text{"The current password is wrong.", "当前密码不正确。"},
	},
	model.CodePasswordRejected: {
		text{"Password not accepted", "密码不符合要求"},
		text{"Choose a longer password that is not common and not built on your name.", "请换一个更长的密码：不能是常见或已泄露的密码，也不能主要由您的姓名、用户名或本服务的名称构成。"},
	},
	model.CodeTokenInvalid: {
		text{"Session ended", "会话已结束"},
		text{"This refresh token is unknown, expired or already used. Please log in again.", "该刷新令牌不存在、已过期或已被使用，请重新登录。"},
	},
	model.CodeBusy: {
		text{"Busy", "系统繁忙"},
		text{"Too much is going on at the moment. Please try again in a few seconds.", "当前请求过多，请过几秒再试。"},
	},
	model.CodeAuditUnavailable: {
		text{"Audit log unavailable", "审计日志不可用"},
		text{"The record of this request could not be written, so the request was refused. Please try again later.", "无法写入本次请求的审计记录，因此请求被拒绝，请稍后重试。"},
	},
	model.CodeStopping: {
		text{"Stopping", "正在停止"},
		text{"This process is about to stop. Please try again shortly.", "该进程即将停止，请稍后重试。"},
	},
	model.CodeStoreUnavailable: {
		text{"Database unavailable", "数据库不可用"},
		text{"The database cannot be reached or written at the moment. Please try again later.", "数据库暂时无法访问或写入，请稍后重试。"},
	},
	model.CodeStorageFull: {
		text{"Storage full", "存储空间已满"},
		text{"The storage is full, so nothing can be recorded. Please tell the operators.", "存储空间已满，无法写入记录，请联系运维人员。"},
	},
	model.CodeLogAltered: {
		text{"Log altered", "审计日志被改动"},
		text{"The audit log does not verify: it was altered, or is damaged. Please tell the operators and the auditor.", "审计日志未通过校验：日志已被改动或损坏，请联系运维人员和审计人员。"},
	},
	model.CodeTenantDisabled: {
		text{"Tenant disabled", "租户已停用"},
		text{"This tenant is disabled.", "该租户已停用。"},
	},
	model.CodeTenantUnknown: {
		text{"Unknown tenant", "租户不存在"},
		text{"There is no tenant of this name.", "没有该名称的租户。"},
	},
	model.CodeUserUnknown: {
		text{"Unknown user", "用户不存在"},
		text{"There is no such user in this tenant.", "该租户中没有此用户。"},
	},
	model.CodeRoleUnknown: {
		text{"Unknown role", "角色不存在"},
		text{"There is no such role in this tenant.", "该租户中没有此角色。"},
	},
	model.CodeClientUnknown: {
		text{"Unknown client", "客户端不存在"},
		text{"There is no such client.", "没有此客户端。"},
	},
	model.CodeOfficeConflict: {
		text{"Offices must stay separate", "三员职责冲突"},
		text{"One account cannot hold two of the offices system-admin, security-admin and audit-admin.", "同一账号不能同时担任系统管理员、安全管理员和审计管理员中的两个。"},
	},
	model.CodeReasonRequired: {
		text{"Reason required", "需要说明理由"},
		text{"This act needs a reason, which is recorded.", "此操作必须说明理由；理由会写入审计日志。"},
	},
	model.CodePolicyInvalid: {
		text{"Policy not valid", "策略无效"},
		text{"The policy document has bad rows and was refused whole; every one is listed.", "策略文档中存在错误的行，已整体拒绝；所有错误均已列出。"},
	},
	model.CodeCasesInvalid: {
		text{"Cases not valid", "测试用例无效"},
		text{"The cases kept with the policy have mistakes and were refused whole; every one is listed.", "随策略保存的测试用例存在错误，已整体拒绝；所有错误均已列出。"},
	},
	model.CodeCatalogInvalid: {
		text{"Catalogue not valid", "目录无效"},
		text{"The catalogue has bad entries and was refused whole; every one is listed.", "目录中存在错误的条目，已整体拒绝；所有错误均已列出。"},
	},
	model.CodeImportInvalid: {
		text{"Import not valid", "导入文件无效"},
		text{"The import has bad entries and nothing was imported; every one is listed.", "导入文件中存在错误的条目，未导入任何数据；所有错误均已列出。"},
	},
	model.CodeCasesFailed: {
		text{"Test cases do not pass", "测试用例未通过"},
		text{"Test cases kept with the draft do not pass; every one is listed.", "草稿附带的测试用例未通过；所有未通过的用例均已列出。"},
	},
	model.CodeLimitExceeded: {
		text{"Limit exceeded", "超出限制"},
		text{"The request passes a limit of this service.", "请求超出了本服务的限制。"},
	},
	model.CodeSettingInvalid: {
		text{"Setting not valid", "配置项无效"},
		text{"A setting is unknown, malformed or contradicts another one.", "存在未知、格式错误或相互矛盾的配置项。"},
	},
	model.CodeKeyMissing: {
		text{"Key file missing", "缺少密钥文件"},
		text{"The file with the key-encryption key is missing.", "找不到密钥加密密钥文件。"},
	},
	model.CodeKeyWrong: {
		text{"Wrong key", "密钥不匹配"},
		text{"The key-encryption key is not the one this store was made with.", "当前密钥加密密钥与创建该存储时所用的不一致。"},
	},
	model.CodeLocked: {
		text{"Data directory in use", "数据目录被占用"},
		text{"Another process holds the data directory and does not answer.", "另一个进程占用了数据目录，且没有响应。"},
	},
	model.CodeInvalidClient: {
		text{"Client authentication failed", "客户端身份验证失败"},
		text{"The client id or the client secret is wrong.", "客户端标识或密钥错误。"},
	},
	model.CodeInvalidScope: {
		text{"Scope not allowed", "不允许的授权范围"},
		text{"The client may not be given the scope or tenant it asks for.", "该客户端无权获得所请求的授权范围或租户。"},
	},
	model.CodeUnsupportedGrant: {
		text{"Unsupported grant type", "不支持的授权类型"},
		text{"The only supported grant_type is client_credentials.", "仅支持 grant_type=client_credentials。"},
	},
	model.CodeLastOfficeHolder: {
		text{"Last holder of an office", "最后一名任职者"},
		text{"The last holder of an office cannot be removed, nor the last without an end be given one; appoint another one first.", "不能移除某一职位的最后一名任职者，也不能为最后一名长期任职者设定任期终点，请先任命其他人。"},
	},
	model.CodeClientTenantNeeded: {
		text{"Tenant required", "需要指定租户"},
		text{"This client serves several tenants: name one in the parameter tenant.", "该客户端服务于多个租户，请用参数 tenant 指定其中一个。"},
	},
	model.CodeCancelled: {
		text{"Request cancelled", "请求已取消"},
		text{"The caller went away before the answer was ready.", "调用方在应答之前断开了连接。"},
	},
	model.CodePrecondition: {
		text{"Precondition failed", "前提条件不成立"},
		text{"The entry is not as If-Match or If-None-Match demands. Read it again and repeat the change.", "条目的当前状态与 If-Match 或 If-None-Match 的要求不符，请重新读取后再作修改。"},
	},
	model.CodeInUse: {
		text{"In use", "正在使用"},
		text{"Others still refer to it, so it cannot be deleted yet.", "仍有其他条目引用它，暂时不能删除。"},
	},
	model.CodeBeyondCheckpoint: {
		text{"Not covered by a checkpoint yet", "尚未被检查点覆盖"},
		text{"The log's latest checkpoint does not reach that far. A checkpoint is made every second while the log grows; please try again shortly.", "日志的最新检查点尚未到达该位置。日志增长时每秒生成一个检查点，请稍后重试。"},
	},
	model.CodeCheckpointUnknown: {
		text{"No such checkpoint", "没有此检查点"},
		text{"No checkpoint was made of that many entries. Ask without a size, or for one of a checkpoint you hold.", "没有该条目数的检查点。请省略 size，或使用您所持检查点的大小。"},
	},
	model.CodeForeignEntries: {
		text{"Entries of other tenants", "包含其他租户的条目"},
		text{"There are entries of other tenants among these, so they are given to nobody here. On the host, `rolegate audit export` gives each tenant its own.", "这些条目中含有其他租户的条目，因此不在此提供。请在主机上使用 `rolegate audit export` 导出各租户自己的条目。"},
	},
	model.CodeOfficeReserved: {
		text{"Nobody gives an office alone", "三员职责不可单独任免"},
		text{"The offices system-admin, security-admin and audit-admin are given and taken on the host, or given by two holders of two different offices.", "系统管理员、安全管理员和审计管理员须在主机上任免，或由两位不同职责的在任者共同任命。"},
	},
	model.CodeFilterTooLarge: {
		text{"List filter too large", "列表过滤条件过大"},
		text{"The list filter would hold more ids than the limit. Narrow the grant, or search for resources instead.", "列表过滤条件包含的标识数量超过上限。请缩小授权范围，或改用资源搜索。"},
	},
	model.CodeInexpressible: {
		text{"Not expressible as a list filter", "无法表示为列表过滤条件"},
		text{"What the policy says of this list cannot be said over the columns of its records; nothing wider is answered.", "策略对该列表的规定无法用记录的列表示，系统不会返回更宽的过滤条件。"},
	},
	model.CodeRevisionBehind: {
		text{"Revision not available yet", "所需版本尚不可用"},
		text{"The answer would be older than was demanded. Please try again shortly.", "应答所依据的版本低于所要求的版本，请稍后重试。"},
	},
}
