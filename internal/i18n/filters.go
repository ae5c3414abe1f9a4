package i18n

// filterPhrases say why a list filter cannot be put in SQL, or not made.
var filterPhrases = map[string]string{
	"filter: column of %q: %s": "%q 的列：%s",
	"filter: %s %q: %s":        "%s %q：%s",

	"%q is not the name of a column":                     "%q 不是列名",
	"%q is not the name of a table":                      "%q 不是表名",
	"table, key, value, action and until are of a join":  "table、key、value、action 和 until 只用于 join",
	"elem is of an array or a join":                      "elem 只用于 array 或 join",
	"collation is of a text column on MySQL, in utf8mb4": "collation 只用于 MySQL 上 utf8mb4 的 text 列",
	"elem %q":         "elem %q 无效",
	"until_type %q":   "until_type %q 无效",
	"unknown type %q": "未知的类型 %q",
	"the name must be table.column: a bare one could mean a column of the side table": "名称必须写作 表.列：不带表名可能被当作附表的列",
	"key and value must be names of columns of the side table":                        "key 和 value 必须是附表的列名",
	"action, until and until_type go together":                                        "action、until 和 until_type 必须同时给出",
	"action and until must be names of columns of the side table":                     "action 和 until 必须是附表的列名",
	"shares are to a text":                         "共享对象的类型为 text",
	"only PostgreSQL has arrays: use json or join": "只有 PostgreSQL 有 array：请使用 json 或 join",
	"TIMESTAMP is read in the zone of the session: use a DATETIME in UTC (timestamp_utc) or an integer": "TIMESTAMP 按会话时区读取：请使用 UTC 的 DATETIME（timestamp_utc）或整数",
	"SQLite has no type for times: use text (RFC 3339), unix, unix_milli or unix_micro":                 "SQLite 没有时间类型：请使用 text（RFC 3339）、unix、unix_milli 或 unix_micro",

	"the field has no column": "该字段没有对应的列",
	"write table.%s: SQLite has a column of that name where it unpacks a list":                         "请写作 表.%s：SQLite 展开列表时有同名的列",
	"write table.%s: a bare name could mean a column of the side table":                                "请写作 表.%s：不带表名可能被当作附表的列",
	"a %s column holds a list, not a single value":                                                     "%s 列存放的是列表，不是单个值",
	"a %s column holds a list, not a single value of type %s":                                          "%s 列存放的是列表，不是类型为 %s 的单个值",
	"a %s column holds no list":                                                                        "%s 列不能存放列表",
	"a %s column holds no shares":                                                                      "%s 列不能存放共享",
	"a join without action and until holds no shares":                                                  "没有 action 和 until 的 join 不能存放共享",
	"a %s column cannot be read as %s":                                                                 "%s 列不能读作 %s",
	"elements of type %s cannot be read as %s":                                                         "类型为 %s 的元素不能读作 %s",
	"a %s column and elements of type %s cannot be read as %s":                                         "%s 列和类型为 %s 的元素不能读作 %s",
	"elements of type %s cannot be compared with a %s column without a declared type":                  "类型未声明时，类型为 %s 的元素不能与 %s 列比较",
	"what is sent for a %s column depends on the type of the field, which the catalogue does not tell": "%s 列应发送的内容取决于字段类型，而目录中没有该类型",

	"%s in record.%s compares two numbers of the record of which one is about to change":       "%s in record.%s 比较记录的两个数字，而其中之一即将改变",
	"a time in the year %d cannot be written down":                                             "公元 %d 年的时间无法表示",
	"the units below another are not known":                                                    "无法得知下级部门",
	"the directory itself says what %s of a %s is, not a column; search for resources instead": "%s（属于 %s）由目录本身给出，不在列中；请改用资源搜索",
}
