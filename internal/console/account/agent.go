package account

import "strings"

// describe is what a User-Agent names, as people know it: "Firefox · Windows". It is
// what the browser says of itself and proves nothing. One that is not recognized is
// shown as it is.
func describe(agent string) string {
	var known []string
	for _, names := range [][]named{browsers, systems} {
		for _, n := range names {
			if strings.Contains(agent, n.part) {
				known = append(known, n.name)
				break
			}
		}
	}
	if len(known) < 2 {
		return agent
	}
	return strings.Join(known, " · ")
}

// named is what a part of a User-Agent tells. The first that is in it counts: browsers
// name those they resemble, too.
type named struct{ part, name string }

var (
	browsers = []named{
		{"MicroMessenger/", "WeChat"}, {"DingTalk", "DingTalk"}, {"Lark/", "Feishu"}, {"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"OPR/", "Opera"},
		{"QQBrowser/", "QQ Browser"}, {"UCBrowser/", "UC Browser"}, {"HuaweiBrowser/", "Huawei Browser"}, {"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"HeadlessChrome/", "Chrome"}, {"Chrome/", "Chrome"}, {"Version/", "Safari"},
	}
	systems = []named{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"OpenHarmony", "HarmonyOS"}, {"HarmonyOS", "HarmonyOS"}, {"Android", "Android"}, {"Windows", "Windows"},
		{"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	}
)
