package i18n

// Input names a way in which a request can be wrong.
type Input string

const (
	MediaType       Input = "media_type"
	FormType        Input = "form_type"
	ContentEncoding Input = "content_encoding"
	TooLarge        Input = "too_large"
	RequestTooLarge Input = "request_too_large"
	Unreadable      Input = "unreadable"
	Empty           Input = "empty"
	NotObject       Input = "not_object"
	Syntax          Input = "syntax"
	Trailing        Input = "trailing"
	Duplicate       Input = "duplicate"
	UTF8            Input = "utf8"
	Surrogate       Input = "surrogate"
	TooDeep         Input = "too_deep"
	BigNumber       Input = "big_number"
	Unknown         Input = "unknown"
	Missing         Input = "missing"
	WantString      Input = "want_string"
	WantObject      Input = "want_object"
	WantArray       Input = "want_array"
	WantOther       Input = "want_other"
	WantTime        Input = "want_time"
	WantWhole       Input = "want_whole"
	WantFieldNames  Input = "want_field_names"
	ClockFast       Input = "clock_fast"
	ClockSlow       Input = "clock_slow"
	DeviceRemoved   Input = "device_removed"
	WrongRecovery   Input = "wrong_recovery"
	WantBool        Input = "want_bool"
	WantOneName     Input = "want_one_name"
	TooManyFields   Input = "too_many_fields"
	EmptyString     Input = "empty_string"
	TooLong         Input = "too_long"
	TooMuch         Input = "too_much"
	HasNUL          Input = "has_nul"
	AnyRecordProps  Input = "any_record_properties"
	Semantic        Input = "semantic"
	TooManyItems    Input = "too_many_items"
	LimitPassed     Input = "limit_passed"
	WantDialect     Input = "want_dialect"
	WantPlaceholder Input = "want_placeholder"
	PageToken       Input = "page_token"
	PageLimit       Input = "page_limit"
	FormSyntax      Input = "form_syntax"
	FormTwice       Input = "form_twice"
	FormMissing     Input = "form_missing"
	TwoCredentials  Input = "two_credentials"
	NoCredentials   Input = "no_credentials"
	ScopeMissing    Input = "scope_missing"
	RevisionHeader  Input = "revision_header"
	RevisionBehind  Input = "revision_behind"
	HeaderOnce      Input = "header_once"
	QuerySyntax     Input = "query_syntax"
	QueryUnknown    Input = "query_unknown"
	QueryText       Input = "query_text"
	TreeIndex       Input = "tree_index"
	TreeSize        Input = "tree_size"
	TreeOrder       Input = "tree_order"
	QueryWhole      Input = "query_whole"
	QueryBool       Input = "query_bool"
	QueryToken      Input = "query_token"
	QueryLimit      Input = "query_limit"
	QueryTime       Input = "query_time"
	QueryPositive   Input = "query_positive"
	QueryLater      Input = "query_later"
	QueryActivity   Input = "query_activity"
	QueryTrace      Input = "query_trace"
	QueryChoice     Input = "query_choice"
	EntityTags      Input = "entity_tags"
	OneVersion      Input = "one_version"
	NotAsPath       Input = "not_as_path"
	PathSpelling    Input = "path_spelling"
	SubjectKey      Input = "subject_key"
	QueryTwice      Input = "query_twice"
	HeaderTwice     Input = "header_twice"
	ForeignOrigin   Input = "foreign_origin"
	ForeignForm     Input = "foreign_form"
	TwoLengths      Input = "two_lengths"
)

// Sentence says in one sentence what is wrong with a request.
func Sentence(l Lang, what Input, words Words) string {
	return fill(sentences[what].in(l), words)
}

var sentences = map[Input]text{
	MediaType:       {"The Content-Type must be application/json.", "Content-Type 必须为 application/json。"},
	FormType:        {"The Content-Type must be application/x-www-form-urlencoded.", "Content-Type 必须为 application/x-www-form-urlencoded。"},
	ContentEncoding: {"The body must be sent uncompressed, without Content-Encoding.", "请求体不得压缩，也不得带有 Content-Encoding。"},
	TooLarge:        {"The body has more than {limit} bytes.", "请求体超过 {limit} 字节。"},
	RequestTooLarge: {"The body has more than {limit} bytes ({setting}).", "请求体超过 {limit} 字节（{setting}）。"},
	Unreadable:      {"The body ended early or could not be read.", "请求体提前结束或无法读取。"},
	Empty:           {"The body is empty; a JSON object is expected.", "请求体为空，应为一个 JSON 对象。"},
	NotObject:       {"The body must be one JSON object.", "请求体必须是一个 JSON 对象。"},
	Syntax:          {"The body is not valid JSON at byte {offset}.", "请求体在第 {offset} 字节处不是有效的 JSON。"},
	Trailing:        {"There is something after the JSON object, at byte {offset}.", "JSON 对象之后还有多余内容（第 {offset} 字节处）。"},
	Duplicate:       {"The member \"{path}\" is there more than once.", "成员 “{path}” 重复出现。"},
	UTF8:            {"The body is not valid UTF-8.", "请求体不是有效的 UTF-8 文本。"},
	Surrogate:       {"The body has an unpaired surrogate at byte {offset}.", "请求体在第 {offset} 字节处有不成对的代理字符。"},
	TooDeep:         {"The body is nested deeper than {limit} levels ({setting}).", "请求体的嵌套超过 {limit} 层（{setting}）。"},
	BigNumber:       {"The number at \"{path}\" does not fit a double.", "“{path}” 处的数值超出双精度浮点数的范围。"},
	Unknown:         {"The member \"{path}\" is unknown here.", "不认识成员 “{path}”。"},
	Missing:         {"The member \"{path}\" is missing.", "缺少成员 “{path}”。"},
	WantString:      {"The member \"{path}\" must be a string.", "成员 “{path}” 必须是字符串。"},
	WantObject:      {"The member \"{path}\" must be an object.", "成员 “{path}” 必须是对象。"},
	WantArray:       {"The member \"{path}\" must be an array.", "成员 “{path}” 必须是数组。"},
	WantOther:       {"The member \"{path}\" has the wrong type.", "成员 “{path}” 的类型不正确。"},
	WantTime:        {"The member \"{path}\" must be a time as in RFC 3339, such as 2026-11-26T08:00:00Z.", "成员 “{path}” 必须是 RFC 3339 格式的时间，例如 2026-11-26T08:00:00Z。"},
	WantWhole:       {"The member \"{path}\" must be a whole number, not negative.", "成员 “{path}” 必须是非负整数。"},
	WantFieldNames:  {"The member \"{path}\" must be an array of field names, none of them empty, \"*\" or longer than 256 bytes.", "成员 “{path}” 必须是由字段名组成的数组，且字段名不能为空、不能为 “*”、不能超过 256 字节。"},
	ClockFast:       {"The code is of another time: the phone's clock is about {seconds} seconds fast. Let it set its time by itself, then enter the next code.", "验证码与当前时间不符：手机时钟大约快了 {seconds} 秒。请在手机上启用自动设置时间，然后输入下一个验证码。"},
	WrongRecovery:   {"The recovery code is wrong or was already used. Enter another one of your list.", "恢复码错误或已被使用，请输入列表中的另一个恢复码。"},
	DeviceRemoved:   {"The code is of the device “{name}”, which was removed on {date}. Use a device that you have added since, whose entry in the app is a newer one, or a recovery code.", "该验证码来自设备“{name}”，该设备已于 {date} 移除。请使用之后添加的设备（身份验证器应用中较新的条目），或使用恢复码。"},
	ClockSlow:       {"The code is of another time: the phone's clock is about {seconds} seconds slow. Let it set its time by itself, then enter the next code.", "验证码与当前时间不符：手机时钟大约慢了 {seconds} 秒。请在手机上启用自动设置时间，然后输入下一个验证码。"},
	WantBool:        {"The member \"{path}\" must be true or false.", "成员 “{path}” 必须是 true 或 false。"},
	WantOneName:     {"The member \"{path}\" must name one thing, and \"*\" stands for all.", "成员 “{path}” 必须是一个具体的名称，而 “*” 代表全部。"},
	TooManyFields:   {"The lists and changes of \"{path}\" name more than {limit} fields in all.", "“{path}” 中各列表和 changes 所列字段合计超过 {limit} 个。"},
	EmptyString:     {"The member \"{path}\" must not be empty.", "成员 “{path}” 不能为空。"},
	TooLong:         {"The member \"{path}\" has more than {limit} bytes.", "成员 “{path}” 超过 {limit} 字节。"},
	TooMuch:         {"The member \"{path}\" must be at most {limit}.", "成员 “{path}” 不能大于 {limit}。"},
	HasNUL:          {"The member \"{path}\" must not hold the character U+0000.", "成员 “{path}” 不能含有字符 U+0000。"},
	AnyRecordProps:  {"A resource.id of \"*\" asks about no particular record, so it cannot have properties.", "resource.id 为 “*” 时不针对具体记录，因此不能带有 properties。"},
	Semantic:        {"options.evaluations_semantic must be execute_all, deny_on_first_deny or permit_on_first_permit.", "options.evaluations_semantic 必须是 execute_all、deny_on_first_deny 或 permit_on_first_permit。"},
	TooManyItems:    {"There are more than {limit} evaluations in one request ({setting}).", "一次请求中的 evaluations 超过 {limit} 项（{setting}）。"},
	LimitPassed:     {"A limit is passed: {setting} is {limit}.", "超出限制：{setting} 为 {limit}。"},
	WantDialect:     {"The member \"{path}\" must be sqlite, postgres or mysql.", "成员 “{path}” 必须是 sqlite、postgres 或 mysql。"},
	WantPlaceholder: {"The member \"{path}\" must be a whole number from 1 to 65535.", "成员 “{path}” 必须是 1 到 65535 的整数。"},
	PageToken:       {"page.token was not answered to this request; repeat the request unchanged with its token, or start again without one.", "page.token 不属于本次请求：请保持请求不变并使用其应答中的 token，或不带 token 重新开始。"},
	PageLimit:       {"page.limit differs from that of the pages before; repeat it, or leave it out.", "page.limit 与之前各页不同：请保持不变，或省略该成员。"},
	FormSyntax:      {"The form cannot be read: an escape is malformed, or a semicolon is not escaped.", "表单无法解析：转义有误，或分号未转义。"},
	FormTwice:       {"The parameter {path} is there more than once.", "参数 {path} 重复出现。"},
	FormMissing:     {"The parameter {path} is missing.", "缺少参数 {path}。"},
	TwoCredentials:  {"The client authenticates in two ways, or by two names: use one of HTTP Basic, client_id with client_secret, and client_assertion.", "客户端使用了两种验证方式，或给出了两个不同的名称：请只使用 HTTP Basic、client_id 与 client_secret、client_assertion 三者之一。"},
	NoCredentials:   {"The client must authenticate: with its id and secret, by HTTP Basic or in the form, or with an assertion (private_key_jwt).", "客户端必须进行验证：可通过 HTTP Basic 或表单参数提供标识和密钥，也可使用断言（private_key_jwt）。"},
	HeaderOnce:      {"The proxy must send the header {path} exactly once, and not empty.", "代理必须发送且仅发送一次请求头 {path}，且不能为空。"},
	QuerySyntax:     {"The query of the address cannot be read: an escape is malformed, or a semicolon is not escaped.", "地址中的查询参数无法解析：转义有误，或分号未转义。"},
	QueryUnknown:    {"The query parameter {path} is unknown here.", "不认识查询参数 {path}。"},
	QueryText:       {"The query parameter {path} is empty or too long.", "查询参数 {path} 为空或过长。"},
	TreeIndex:       {"{path} must be the number of an entry: whole, not negative, without leading zeros.", "{path} 必须是条目序号：非负整数，不带前导零。"},
	TreeSize:        {"The query parameter {path} must be a number of entries: whole, at least 1, without leading zeros.", "查询参数 {path} 必须是条目数：不小于 1 的整数，不带前导零。"},
	TreeOrder:       {"The query parameter {path} must not be smaller than from.", "查询参数 {path} 不得小于 from。"},
	QueryWhole:      {"The query parameter {path} must be a whole number, not negative.", "查询参数 {path} 必须是非负整数。"},
	QueryBool:       {"The query parameter {path} must be true or false.", "查询参数 {path} 必须是 true 或 false。"},
	QueryToken:      {"The query parameter token was not answered to this list; repeat the request unchanged with its token, or start again without one.", "查询参数 token 不属于此列表：请保持请求不变并使用其应答中的 token，或不带 token 重新开始。"},
	QueryLimit:      {"The query parameter limit differs from that of the pages before; repeat it, or leave it out.", "查询参数 limit 与之前各页不同：请保持不变，或省略该参数。"},
	QueryTime:       {"The query parameter {path} must be a time as in RFC 3339, such as 2026-11-26T08:00:00Z.", "查询参数 {path} 必须是 RFC 3339 格式的时间，例如 2026-11-26T08:00:00Z。"},
	QueryPositive:   {"The query parameter {path} must be a whole number from 1.", "查询参数 {path} 必须是不小于 1 的整数。"},
	QueryLater:      {"The query parameter {path} must be later than from.", "查询参数 {path} 必须晚于 from。"},
	QueryActivity:   {"The query parameter {path} must be something that is recorded, such as authz_evaluate; docs/audit-export.md lists all.", "查询参数 {path} 必须是会被记录的活动，例如 authz_evaluate；完整列表见 docs/audit-export.md。"},
	QueryTrace:      {"The query parameter {path} must be a trace id: 32 hexadecimal digits in lower case, or of a command 26 letters and digits.", "查询参数 {path} 必须是跟踪编号：32 位小写十六进制数字；命令的编号为 26 位字母和数字。"},
	QueryChoice:     {"The query parameter {path} must be one of: {choice}.", "查询参数 {path} 必须是以下之一：{choice}。"},
	EntityTags:      {"The header {path} must be * or a list of entity tags in double quotes.", "请求头 {path} 必须是 *，或由双引号括起的实体标签组成的列表。"},
	OneVersion:      {"The header {path} must hold the one ETag that was read, such as \"3\".", "请求头 {path} 必须恰好包含读取时得到的那一个实体标签，例如 \"3\"。"},
	NotAsPath:       {"The member \"{path}\" differs from the address; leave it out, or repeat it.", "成员 “{path}” 与请求地址不一致：请省略该成员，或与地址保持一致。"},
	PathSpelling:    {"The {path} in the address is spelled otherwise: an id without its kind (emea, not team:emea), a member with it (user:ann).", "地址中的 {path} 写法有误：标识不带类别前缀（emea，而非 team:emea），成员则须带前缀（user:ann）。"},
	SubjectKey:      {"The query parameter {path} must be spelled type:id, such as user:alice.", "查询参数 {path} 必须写作 type:id，例如 user:alice。"},
	QueryTwice:      {"The query parameter {path} may be there once only.", "查询参数 {path} 只能出现一次。"},
	HeaderTwice:     {"The header {path} may be there once only.", "请求头 {path} 只能出现一次。"},
	ForeignOrigin:   {"A page of another origin may call this only if its origin is named in ROLEGATE_CORS_ORIGINS.", "其他来源的页面只有在 ROLEGATE_CORS_ORIGINS 中列出其来源后才能调用此接口。"},
	ForeignForm:     {"This was sent by a page of another site, and nothing was done. If you meant to do it, open our own page and do it there.", "此请求由其他网站的页面发出，未执行任何操作。如需执行，请打开本站页面操作。"},
	TwoLengths:      {"The request says how long it is in two ways: a Transfer-Encoding stands beside a Content-Length, or in a request of HTTP/1.0.", "请求以两种方式说明了自身长度：Transfer-Encoding 与 Content-Length 同时出现，或出现在 HTTP/1.0 请求中。"},
	ScopeMissing:    {"The access token does not have the scope {scope}.", "访问令牌不包含授权范围 {scope}。"},
	RevisionHeader:  {"The header {path} must be there once and hold one whole number, not negative.", "请求头 {path} 只能出现一次，且必须是一个非负整数。"},
	RevisionBehind:  {"The answer would be of revision {revision}, and at least {demanded} was demanded. Please try again shortly; a revision that stays out of reach is none this tenant has had.", "应答所依据的版本为 {revision}，低于所要求的 {demanded}，请稍后重试；如果始终无法达到，则该租户从未有过这一版本。"},
}
