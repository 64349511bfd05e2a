package dunning

import (
	"fmt"
	"slices"
	"time"
)

// NotePinned puts a note on top of the case; NoteUnpinned takes it down again. ID is the note's.
type NotePinned struct {
	ID string `json:"id"`
}

// NoteUnpinned takes a pinned note down. ID is the note's.
type NoteUnpinned struct {
	ID string `json:"id"`
}

// MentionSeen says that a user has read the note that mentions them. ID is the note's.
type MentionSeen struct {
	ID   string `json:"id"`
	User string `json:"user"`
}

// Kind implementations.
func (NotePinned) Kind() Kind   { return "note_pinned" }
func (NoteUnpinned) Kind() Kind { return "note_unpinned" }
func (MentionSeen) Kind() Kind  { return "mention_seen" }

type (
	// PinNote puts a note on top of the case.
	PinNote struct {
		ID string `json:"id"`
	}
	// UnpinNote takes it down.
	UnpinNote struct {
		ID string `json:"id"`
	}
	// DismissMention says that who gives it, a user, has read the note that mentions them.
	DismissMention struct {
		ID   string `json:"id"`
		User string `json:"user"` // id, without "user:"
	}
)

func (PinNote) command()        {}
func (UnpinNote) command()      {}
func (DismissMention) command() {}

// NoteState is a note with what became of it.
type NoteState struct {
	NoteWritten
	By     string // as in Fact.By
	At     time.Time
	Pinned time.Time // zero: it is not pinned
	Seen   []string  // users who were mentioned and have read it
}

// Waits lists the users who are mentioned and have not yet read the note, in the order in
// which they are mentioned.
func (n NoteState) Waits() []string {
	var out []string
	for _, user := range n.Mentions {
		if !slices.Contains(n.Seen, user) && !slices.Contains(out, user) {
			out = append(out, user)
		}
	}
	return out
}

// Bounds of a note: beyond them lies a slip, or an attack.
const (
	MaxNote     = 4000 // bytes
	maxMentions = 20
)

func (f *Facts) note(id string) *NoteState {
	for i := range f.Notes {
		if f.Notes[i].ID == id && id != "" {
			return &f.Notes[i]
		}
	}
	return nil
}

func (f *Facts) addNote(x Fact) {
	switch b := x.Body.(type) {
	case NoteWritten:
		if f.note(b.ID) == nil {
			f.Notes = append(f.Notes, NoteState{NoteWritten: b, By: x.By, At: x.At})
		}
	case NotePinned:
		if n := f.note(b.ID); n != nil {
			n.Pinned = x.At
		}
	case NoteUnpinned:
		if n := f.note(b.ID); n != nil {
			n.Pinned = time.Time{}
		}
	case MentionSeen:
		if n := f.note(b.ID); n != nil {
			n.Seen = append(slices.Clip(n.Seen), b.User) // a clone of these facts has the same array
		}
	}
}

func (f *Facts) handleNote(c Command, at time.Time) ([]Fact, error) {
	switch c := c.(type) {
	case WriteNote:
		return f.writeNote(c, at)
	case PinNote:
		n := f.note(c.ID)
		switch {
		case n == nil:
			return nil, fmt.Errorf("pin: the account has no such note: %w", ErrUnknown)
		case !n.Pinned.IsZero():
			return nil, nil
		}
		return []Fact{f.fact(at, NotePinned(c))}, nil
	case UnpinNote:
		n := f.note(c.ID)
		switch {
		case n == nil:
			return nil, fmt.Errorf("unpin: the account has no such note: %w", ErrUnknown)
		case n.Pinned.IsZero():
			return nil, nil
		}
		return []Fact{f.fact(at, NoteUnpinned(c))}, nil
	case DismissMention:
		n := f.note(c.ID)
		switch {
		case n == nil || !slices.Contains(n.Mentions, c.User):
			return nil, fmt.Errorf("mention: there is no such note that mentions them: %w", ErrUnknown)
		case slices.Contains(n.Seen, c.User):
			return nil, nil
		}
		return []Fact{f.fact(at, MentionSeen(c))}, nil
	}
	return nil, ErrInvalid
}

func (f *Facts) writeNote(c WriteNote, at time.Time) ([]Fact, error) {
	switch {
	case f.note(c.ID) != nil:
		return nil, nil
	case len(c.Text) > MaxNote:
		return nil, fmt.Errorf("note: it is longer than %d characters; write two: %w", MaxNote, ErrInvalid)
	case len(c.Mentions) > maxMentions || slices.Contains(c.Mentions, ""):
		return nil, fmt.Errorf("note: mention up to %d people by their ids: %w", maxMentions, ErrInvalid)
	case c.ID == "" && len(c.Mentions) > 0:
		return nil, fmt.Errorf("note: one that mentions somebody needs an id: %w", ErrInvalid)
	}
	return []Fact{f.fact(at, NoteWritten(c))}, nil
}
