package condition

import "time"

// timeOf makes a scalar of a point in time. The zone does not count.
func timeOf(t time.Time) scalar {
	return scalar{kind: Time, num: float64(t.Unix()), nano: int32(t.Nanosecond())}
}

// ParseTime reads RFC 3339, strictly: time.Parse by itself also takes hours of
// one digit, a comma before the fraction, and offsets of a day.
func ParseTime(s string) (t time.Time, ok bool) {
	const clock = len("2006-01-02T15:04:05")
	if len(s) <= clock || s[len("2006-01-02T15")] != ':' || s[clock] == ',' {
		return t, false
	}
	if s[len(s)-1] != 'Z' {
		offset := s[max(clock, len(s)-len("+08:00")):]
		if len(offset) != len("+08:00") || offset[1:3] > "23" || offset[4:6] > "59" {
			return t, false
		}
	}
	t, err := time.Parse(time.RFC3339, s)
	return t, err == nil
}

func parseTime(s string) (scalar, bool) {
	t, ok := ParseTime(s)
	return timeOf(t), ok
}

// Part is a part of a date or of the time of day, named as in CEL. Some count
// from 0 where people count from 1; that too is as in CEL.
type Part string

// parts reads each part there is.
var parts = map[Part]func(time.Time) int{
	"getFullYear":   time.Time.Year,
	"getMonth":      func(t time.Time) int { return int(t.Month()) - 1 }, // 0 is January
	"getDate":       time.Time.Day,                                       // 1 to 31
	"getDayOfMonth": func(t time.Time) int { return t.Day() - 1 },        // 0 to 30
	"getDayOfWeek":  func(t time.Time) int { return int(t.Weekday()) },   // 0 is Sunday
	"getDayOfYear":  func(t time.Time) int { return t.YearDay() - 1 },    // 0 to 365
	"getHours":      time.Time.Hour,
	"getMinutes":    time.Time.Minute,
}
