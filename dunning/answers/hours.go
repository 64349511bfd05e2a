package answers

import (
	"fmt"
	"strconv"
	"strings"
)

// Words around hours that are not wanted.
var (
	untilWords = set("before until till til vor bis antes hasta avant jusqu jusque")
	afterWords = set("after nach ab despues desde apres dès des past")
	weekdaysAt = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
)

// hours reads from a sentence when contact is not wanted: "not before noon" is
// from midnight to noon, "not after 8pm" from eight to midnight.
func (x *Finding) hours(tok []token, i int, lang string) {
	for i > 0 && tok[i-1].kind != hard {
		i--
	}
	days := map[string]bool{}
	before := ""
	for ; i < len(tok) && tok[i].kind != hard; i++ {
		w := tok[i].text
		switch d, isDay := weekdayNames[strings.TrimSuffix(w, "s")]; {
		case tok[i].kind == word && untilWords[w]:
			before = "until"
		case tok[i].kind == word && afterWords[w]:
			before = "after"
		case tok[i].kind == word && isDay, tok[i].kind == word && weekdayNames[w] > 0:
			if !isDay {
				d = weekdayNames[w]
			}
			days[weekdaysAt[d]] = true
		case tok[i].kind == word && (w == "weekend" || w == "weekends" || w == "wochenende" || w == "wochenenden"):
			days["sat"], days["sun"] = true, true
		case tok[i].kind == word && parts[w] != [2]string{}:
			if x.From == "" && x.To == "" {
				x.From, x.To = parts[w][0], parts[w][1]
			}
		default:
			if at, ok := clock(tok, i, lang); ok && before != "" {
				x.bound(before, at)
			}
		}
	}
	var list []string
	for _, d := range []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} {
		if days[d] {
			list = append(list, d)
		}
	}
	x.Days = strings.Join(list, ",")
	if x.Days != "" && x.From == "" && x.To == "" {
		x.From, x.To = "00:00", "24:00"
	}
}

func (x *Finding) bound(side, at string) {
	if side == "until" {
		x.From, x.To = "00:00", at
		return
	}
	x.From, x.To = at, "24:00"
}

// parts of the day by name.
var parts = map[string][2]string{
	"morning": {"00:00", "12:00"}, "mornings": {"00:00", "12:00"}, "morgens": {"00:00", "12:00"}, "vormittags": {"00:00", "12:00"}, "vormittag": {"00:00", "12:00"}, "matin": {"00:00", "12:00"},
	"evening": {"17:00", "24:00"}, "evenings": {"17:00", "24:00"}, "abends": {"17:00", "24:00"}, "abend": {"17:00", "24:00"}, "soir": {"17:00", "24:00"}, "noche": {"19:00", "24:00"}, "noches": {"19:00", "24:00"},
	"night": {"19:00", "24:00"}, "nights": {"19:00", "24:00"}, "nachts": {"20:00", "24:00"}, "nuit": {"20:00", "24:00"},
	"afternoon": {"12:00", "18:00"}, "afternoons": {"12:00", "18:00"}, "nachmittags": {"12:00", "18:00"}, "nachmittag": {"12:00", "18:00"}, "tarde": {"12:00", "20:00"}, "tardes": {"12:00", "20:00"},
}

// clock reads a time of day: noon, 9, 9am, 9:30, 20 Uhr, 14h.
func clock(tok []token, i int, lang string) (string, bool) {
	if tok[i].kind == word && (tok[i].text == "noon" || tok[i].text == "midday" || tok[i].text == "mittag" || tok[i].text == "mittags" || tok[i].text == "mediodia" || tok[i].text == "midi") {
		return "12:00", true
	}
	if tok[i].kind != number {
		return "", false
	}
	hs, ms, _ := strings.Cut(strings.ReplaceAll(tok[i].text, ".", ":"), ":")
	h, err := strconv.Atoi(hs)
	m := 0
	if ms != "" && err == nil {
		m, err = strconv.Atoi(ms)
	}
	if err != nil || h > 24 || m > 59 {
		return "", false
	}
	switch after := next2(tok, i); {
	case after == "pm" && h < 12 || after == "p" && h < 12:
		h += 12
	case after == "am" && h == 12:
		h = 0
	case after != "am" && lang == "en" && h <= 7: // "after 6" is in the evening
		h += 12
	}
	return fmt.Sprintf("%02d:%02d", h, m), true
}

func next2(tok []token, i int) string {
	if i+1 < len(tok) && tok[i+1].kind == word {
		return tok[i+1].text
	}
	return ""
}
