package page

import (
	"fmt"
	"maps"

	"rolegate/internal/i18n"
)

// Texts are what pages say, by key: "login.title". Words in braces are filled in.
type Texts map[string]i18n.Text

// text is a text of the area or of all pages. A key nobody has written is a mistake
// that tests find, and is shown as itself.
func (a *Area) text(l i18n.Lang, key string, words ...any) string {
	t, ok := a.texts[key]
	if !ok {
		return key
	}
	return t.In(l, filled(words))
}

func filled(words []any) i18n.Words {
	if len(words) == 0 {
		return nil
	}
	w := make(i18n.Words, len(words)/2)
	for i := 0; i+1 < len(words); i += 2 {
		w[fmt.Sprint(words[i])] = fmt.Sprint(words[i+1])
	}
	return w
}

// joined are an area's texts with those of all pages.
func joined(own Texts) Texts {
	all := maps.Clone(common)
	maps.Copy(all, factorTexts)
	maps.Copy(all, scopeTexts)
	maps.Copy(all, own)
	return all
}

// common are the texts that all pages share.
var common = Texts{
	"page.skip":         {EN: "Skip to the content", ZH: "跳到正文"},
	"page.menu":         {EN: "Menu", ZH: "菜单"},
	"page.navigation":   {EN: "Main navigation", ZH: "主导航"},
	"page.logout":       {EN: "Log out", ZH: "退出登录"},
	"page.user":         {EN: "Logged in as {user}", ZH: "当前用户：{user}"},
	"page.trace":        {EN: "For whoever helps you: {trace}", ZH: "求助时请提供编号：{trace}"},
	"page.line":         {EN: "Line {line}", ZH: "第 {line} 行"},
	"page.column":       {EN: "column {column}", ZH: "第 {column} 列"},
	"page.back":         {EN: "Back", ZH: "返回"},
	"page.next":         {EN: "Next page", ZH: "下一页"},
	"page.first":        {EN: "First page", ZH: "第一页"},
	"page.save":         {EN: "Save", ZH: "保存"},
	"page.cancel":       {EN: "Cancel", ZH: "取消"},
	"page.yes":          {EN: "yes", ZH: "是"},
	"page.no":           {EN: "no", ZH: "否"},
	"page.none":         {EN: "none", ZH: "无"},
	"page.colon":        {EN: ": ", ZH: "："},
	"page.comma":        {EN: ", ", ZH: "，"},
	"page.reason":       {EN: "Reason", ZH: "理由"},
	"page.optional":     {EN: "optional", ZH: "可选"},
	"failed.home":       {EN: "To the start page", ZH: "返回首页"},
	"failed.retry":      {EN: "Try again", ZH: "重试"},
	"failed.kept":       {EN: "What you entered is kept here: send it again.", ZH: "您填写的内容保留在本页，可以重新提交。"},
	"failed.again":      {EN: "Nothing was changed. Please try again shortly.", ZH: "没有任何更改，请稍后重试。"},
	"ended.title":       {EN: "Your session has ended", ZH: "会话已结束"},
	"ended.kept":        {EN: "Nothing you entered is lost. Log in in a new tab, come back to this one and send it again.", ZH: "您填写的内容没有丢失。请在新标签页中登录，然后回到本页重新提交。"},
	"ended.login":       {EN: "Log in in a new tab", ZH: "在新标签页中登录"},
	"ended.send":        {EN: "Send again", ZH: "重新提交"},
	"stepup.title":      {EN: "Confirm that it is you", ZH: "请确认是您本人"},
	"stepup.why":        {EN: "This needs a one-time code entered in the last five minutes. What you entered is kept.", ZH: "此操作要求在五分钟内输入过动态验证码。您填写的内容会保留。"},
	"stepup.code":       {EN: "One-time code", ZH: "动态验证码"},
	"stepup.help":       {EN: "The six digits your authenticator app shows for Rolegate now.", ZH: "身份验证器应用中 Rolegate 当前显示的六位数字。"},
	"stepup.confirm":    {EN: "Confirm", ZH: "确认"},
	"stepup.resume":     {EN: "Confirmed. One more step sends what you entered.", ZH: "已确认，再点一下即可提交您填写的内容。"},
	"stepup.send":       {EN: "Continue", ZH: "继续"},
	"stepup.lost":       {EN: "Without your phone: log out, log in again with a recovery code, and enrol a new device. A recovery code does not count here.", ZH: "手机不在身边：请退出登录，使用恢复码重新登录并绑定新设备。此处不能使用恢复码。"},
	"stepup.devices":    {EN: "To your devices", ZH: "前往验证设备"},
	"place.other":       {EN: "This address does not go on with this list as you see it. Open the list anew.", ZH: "此地址不属于此列表，或不是为您生成的。请重新打开该列表。"},
	"overtaken.title":   {EN: "Somebody else was first", ZH: "已有人先行更改"},
	"overtaken.what":    {EN: "What you were looking at has changed meanwhile, so nothing was done. What you entered is kept.", ZH: "您查看的内容在此期间已被更改，因此未执行任何操作。您填写的内容已保留。"},
	"stepup.deviceless": {EN: "This needs proof from the last five minutes, and you have no device for one-time codes yet. Log out and in again with your password: you come back here, and then have five minutes.", ZH: "此操作要求在五分钟内验证过身份，而您还没有验证设备。请退出后用密码重新登录：登录后会回到这里，五分钟内有效。"},
	"stepup.relogin":    {EN: "Log out and in again", ZH: "退出并重新登录"},
}
