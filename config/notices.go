package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/yamlpos"
)

// Legal notices. A template says which ones its message is; the steps that use it carry
// that to the core, which records that the notice was sent once the message has left. So
// the contact rules that want a notice first, and the periods that begin with one, know of
// what Duly itself sent.

// noticeSlack is how many days a notice may be under way before its period begins: in the
// post, and three days in the outbox. A letter that lies there for longer than what it prints
// allows is called off.
const noticeSlack = dunning.NoticePost + 3

// checkNotices looks at what templates say of notices and tells the sequences.
func (l *loader) checkNotices() {
	known := l.cfg.policies.NoticeKinds()
	keys := slices.Collect(keysOf(l.templates))
	slices.SortFunc(keys, func(a, b templateKey) int { return strings.Compare(l.templates[a].file, l.templates[b].file) })
	first := map[string]*template{}
	for _, k := range keys {
		t := l.templates[k]
		l.checkNotice(t, known)
		name := string(t.channel) + " " + t.name
		if one := first[name]; one == nil {
			first[name] = t
		} else if !sameNotice(one, t) {
			t.doc.Fault("notices", fmt.Sprintf("it is not the same notice as %s", one.file), "notices and notice_ends are the same in all languages of a template")
		}
	}
	for _, f := range l.sequences {
		eachChanneled(f.seq, func(c *dunning.Channeled) {
			if t := first[string(c.Channel)+" "+c.Template]; t != nil {
				c.Notices, c.NoticeDays = t.spec.Notices, t.noticeDays()
			}
		})
	}
}

func (t *template) noticeDays() int {
	if t.spec.NoticeEnds == nil {
		return 0
	}
	return int(*t.spec.NoticeEnds)
}

func sameNotice(a, b *template) bool {
	return slices.Equal(a.spec.Notices, b.spec.Notices) && a.noticeDays() == b.noticeDays()
}

// checkNotice: kinds that some rule asks for, on a channel that can carry them, with a
// period no shorter than the law's. Who leaves out the policies of a country has no rule
// that asks for its notices: that is told, and refuses nothing; a misspelt kind does.
func (l *loader) checkNotice(t *template, known []string) {
	for i, kind := range t.spec.Notices {
		at := fmt.Sprintf("notices[%d]", i)
		if !slices.Contains(known, kind) {
			msg := fmt.Sprintf("no rule asks for a notice %q", kind)
			if yamlpos.Nearest(kind, known) != "" {
				t.doc.Fault(at, msg, yamlpos.Suggest(kind, known))
			} else {
				t.doc.Warn(at, msg, cmp.Or(yamlpos.Suggest(kind, known), "no policy here asks for any notice"))
			}
		}
		switch {
		case slices.Contains(t.spec.Notices[:i], kind):
			t.doc.Fault(at, fmt.Sprintf("%q stands here twice", kind), "")
		case t.channel == dunning.SMS:
			t.doc.Fault(at, "a text message cannot be a legal notice", "send it by letter or email")
		case t.spec.Purpose == "receipt" || t.spec.Purpose == "answer" || t.spec.Purpose == confirmation:
			t.doc.Fault(at, fmt.Sprintf("a message whose purpose is %q cannot be a legal notice", t.spec.Purpose), "write purpose: notice")
		}
		l.checkPeriod(t, at, kind)
	}
	if t.spec.NoticeEnds != nil && len(t.spec.Notices) == 0 {
		t.doc.FaultKey("notice_ends", "the template is no notice, so no period ends", "say which with notices: […]")
	}
}

// checkPeriod: where a rule has a period begin with the notice, the message prints its end,
// late enough.
func (l *loader) checkPeriod(t *template, at, kind string) {
	days := l.cfg.policies.NoticePeriod(kind)
	switch {
	case days == 0:
	case t.spec.NoticeEnds == nil:
		t.doc.Fault(at, fmt.Sprintf("a %s says when its period ends", kind), fmt.Sprintf("add notice_ends: %dd and show {{ notice.ends | date }}", days+noticeSlack))
	case int(*t.spec.NoticeEnds) < days+noticeSlack:
		t.doc.Fault("notice_ends", fmt.Sprintf("the period is %d days from receipt, which may be %d days after the day of the message", days, noticeSlack),
			fmt.Sprintf("at least %dd", days+noticeSlack))
	}
}

// eachChanneled visits every entry of a sequence that names a template.
func eachChanneled(s *dunning.Sequence, visit func(*dunning.Channeled)) {
	if s == nil {
		return
	}
	var walk func([]dunning.Channeled)
	walk = func(list []dunning.Channeled) {
		for i := range list {
			visit(&list[i])
			walk(list[i].Else)
		}
	}
	for i := range s.Steps {
		walk(s.Steps[i].Send)
		if s.Steps[i].Offer != nil {
			walk(s.Steps[i].Offer.Send)
		}
	}
	for _, r := range []*dunning.Reaction{&s.On.PromiseBroken, &s.On.PlanBroken, &s.On.DisputeRejected, &s.On.Paid} {
		walk(r.Send)
	}
}
