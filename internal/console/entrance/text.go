package entrance

import "rolegate/internal/console/page"

var texts = page.Texts{
	"login.title":       {EN: "Log in", ZH: "登录"},
	"login.username":    {EN: "User name", ZH: "用户名"},
	"login.password":    {EN: "Password", ZH: "密码"},
	"login.tenant":      {EN: "Organization", ZH: "组织"},
	"login.tenant.help": {EN: "Leave it empty unless you were given one.", ZH: "如未告知，请留空。"},
	"login.submit":      {EN: "Log in", ZH: "登录"},
	"code.title":        {EN: "Enter your one-time code", ZH: "输入动态验证码"},
	"code.label":        {EN: "One-time code", ZH: "动态验证码"},
	"code.help":         {EN: "The six digits your authenticator app shows for Rolegate now.", ZH: "身份验证器应用中 Rolegate 当前显示的六位数字。"},
	"code.submit":       {EN: "Continue", ZH: "继续"},
	"logout.done":       {EN: "You are logged out.", ZH: "您已退出登录。"},
}
