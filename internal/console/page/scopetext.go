package page

// scopeTexts are scopes of the policy in a word or two.
var scopeTexts = Texts{
	"short.all":        {EN: "all", ZH: "全部"},
	"short.own":        {EN: "own", ZH: "本人"},
	"short.created":    {EN: "created", ZH: "本人创建"},
	"short.assigned":   {EN: "assigned", ZH: "指派给本人"},
	"short.unassigned": {EN: "nobody's", ZH: "无人负责"},
	"short.team":       {EN: "team", ZH: "团队"},
	"short.subtree":    {EN: "self and reports", ZH: "本人及下属"},
	"short.subtree_n":  {EN: "self and reports, {n} down", ZH: "本人及 {n} 级下属"},
	"short.subtree_of": {EN: "self and some reports", ZH: "本人及若干级下属"},
	"short.unit":       {EN: "unit", ZH: "本部门"},
	"short.unit_tree":  {EN: "unit and below", ZH: "本部门及下级"},
	"short.unit_head":  {EN: "units headed", ZH: "所负责的部门"},
	"short.territory":  {EN: "territory", ZH: "区域"},
	"short.account":    {EN: "own accounts", ZH: "所属客户"},
	"short.contact":    {EN: "own contact", ZH: "本人联系人"},
	"short.shared":     {EN: "shared", ZH: "共享给本人"},
	"short.everyone":   {EN: "shared with all", ZH: "共享给所有人"},
}
