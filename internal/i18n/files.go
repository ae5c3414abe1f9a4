package i18n

// filePhrases say what is wrong with an entry of a file, or with one that is put into
// the directory by itself.
var filePhrases = map[string]string{
	// what an entry says
	"manager":       "上级人员",
	"parent":        "上级",
	"role":          "角色",
	"subject":       "主体",
	"team":          "团队",
	"territory":     "销售区域",
	"unit":          "部门",
	"type":          "类别",
	"id":            "标识",
	"head":          "负责人",
	"id in %s":      "%s 中的标识",
	"user's id":     "用户标识",
	"member's id":   "成员标识",
	"client's name": "客户端名称",
	"contains *: in a policy there are no patterns":         "含有 *：策略不支持通配模式",
	"contains a comma, which ends a name in a policy":       "含有逗号，而策略中名称以逗号结束",
	"%q is neither registered nor in this file":             "%q 未登记，也不在此文件中",
	"the role %q is neither known nor in this file's roles": "角色 %q 不存在，也不在此文件的 roles 中",
	"goes in a circle: %s":                                  "形成循环：%s",
	"%q is already in %s":                                   "%q 已在 %s 中出现",
	"the user name is already in %s":                        "该用户名已在 %s 中出现",

	// what JSON says
	"is there more than once":  "重复出现",
	"the JSON text ends early": "JSON 文本不完整，过早结束",
	"here the text stops being JSON: one object in UTF-8, with nothing behind it": "从此处起不再是 JSON：应为一个 UTF-8 编码的对象，其后没有其他内容",
	"a number of usual size": "大小适当的数字",
	"something else":         "其他内容",
	"a time with its zone is wanted here, such as 2026-01-01T08:00:00Z": "此处应为带时区的时间，例如 2026-01-01T08:00:00Z",
	"text":                          "文本",
	"an object":                     "对象",
	"this":                          "当前内容",
	"this number":                   "该数字",
	"%s is wanted here, not %s":     "此处应为%s，而不是%s",
	"is unknown here; there are %s": "此处不能使用；可用的有 %s",

	// tables of people
	"the column %q is there twice":                        "列 %q 重复出现",
	"%q is no column; there are %s and %sNAME":            "%q 不是可用的列；可用的有 %s 和 %s名称",
	"there is no column id":                               "缺少 id 列",
	"there is no line with the names of columns":          "缺少列名行",
	"the line is no CSV":                                  "该行不是有效的 CSV",
	"the line has another number of cells than the first": "该行的单元格数与首行不同",

	// keys of clients
	"this is no JWK: not one JSON object without repeated or empty members":                                           "这不是 JWK：应为一个 JSON 对象，成员不得重复或为空",
	"this is a private or shared key: register the public half only, and make a new pair, as this one has been shown": "这是私钥或共享密钥：只应登记公钥；该密钥已泄露，请重新生成密钥对",
	"this is no JWK: a member is not text":                                                                            "这不是 JWK：有成员不是文本",
	"a client's key is of kty EC with P-256, OKP with Ed25519, or RSA":                                                "客户端密钥的 kty 应为 EC（P-256）、OKP（Ed25519）或 RSA",
	"a key of this type signs with %s, but its alg says otherwise":                                                    "该类密钥的签名算法为 %s，与其 alg 不符",
	"this key is not for signatures, says its use":                                                                    "按其 use 所示，该密钥不用于签名",
	"x and y of a P-256 key are 32 bytes each, in base64url without padding":                                          "P-256 密钥的 x 和 y 各为 32 字节，采用不带填充的 base64url 编码",
	"x and y are no point of P-256":                                                                                   "x 和 y 不是 P-256 曲线上的点",
	"x of an Ed25519 key is 32 bytes, in base64url without padding":                                                   "Ed25519 密钥的 x 为 32 字节，采用不带填充的 base64url 编码",
	"an RSA key has %d to %d bits, and n in base64url without padding":                                                "RSA 密钥为 %d 至 %d 位，n 采用不带填充的 base64url 编码",
	"the exponent of an RSA key is 65537":                                                                             "RSA 密钥的指数应为 65537",

	// limits, of which the setting is said after it
	"the file has %d bytes":            "文件有 %d 字节",
	"the policy document has %d bytes": "策略文档有 %d 字节",
	"the attributes are nested %d levels deep, and their entry is one more": "属性嵌套 %d 层，所在条目另计一层",
	"%s holds %d roles already":                                     "%s 已拥有 %d 个角色",
	"the roles of %s would inherit %d others together":              "%s 的角色合计会继承 %d 个其他角色",
	"the filter would compare %s with a list of more ids than that": "过滤条件中与 %s 比较的列表包含的标识超过上限",
}
