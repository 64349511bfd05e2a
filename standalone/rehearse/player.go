package rehearse

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
)

// Act is what a kind of row means.
type Act struct {
	// Alone: the row is played when nothing else is due at all, and by itself. Other rows
	// wait for their own debtor only.
	Alone bool
	// Play plays a row and returns rows that follow from it. It may be called again for
	// the same row after a crash, and must then come to the same.
	Play func(ctx context.Context, p *Player, row postgres.Script) ([]postgres.Script, error)
}

// Audience answers a message with rows that lie after it. It must answer the same message
// the same way.
type Audience func(ctx context.Context, p *Player, m Message) ([]postgres.Script, error)

// Options of a player. Store, Book and Clock are required.
type Options struct {
	Store *postgres.Store
	Book  *app.Book
	Clock clock.Clock
	// Acts by kind of row, beside the ones of this package (see Facts, Import, Do, End).
	Acts map[string]Act
	// Audience answers messages; nil: they are read and nobody answers.
	Audience Audience
	// Told is told what happens, from one goroutine at a time; nil: nobody is.
	Told func(Event)
	// Troubled is told what fails when that has lasted for some seconds, once until
	// something works again; nil: nobody is.
	Troubled func(error)
	// Patience is how long the player bears failures, such as a database that is being
	// started again, before it gives up. Zero: three minutes.
	Patience time.Duration
}

// Event is something that happened, for people who watch. It holds keys and codes only.
type Event struct {
	At      time.Time
	Account string // the creditor's own key; "" where none is concerned
	What    string // message, opened, or the row's kind
	Detail  string
}

// Player plays. Make it with New.
type Player struct {
	o        Options
	acts     map[string]Act
	commands *commands.Service
	starter  *app.Starter

	mu       sync.Mutex
	accounts map[string]postgres.Account
	refused  int
	ended    chan struct{}
	endOnce  sync.Once
	posted   func() (*post, error)
}

// New makes a player.
func New(o Options) *Player {
	if o.Patience == 0 {
		o.Patience = 3 * time.Minute
	}
	p := &Player{
		o: o, acts: map[string]Act{}, accounts: map[string]postgres.Account{}, ended: make(chan struct{}),
		commands: app.NewCommands(o.Store, o.Book, o.Clock),
		starter:  &app.Starter{Store: o.Store, Book: o.Book, Clock: o.Clock},
		posted:   sync.OnceValues(func() (*post, error) { return newPost(o) }),
	}
	for kind, act := range ownActs() {
		p.acts[kind] = act
	}
	for kind, act := range o.Acts {
		p.acts[kind] = act
	}
	return p
}

// Ended is closed when the row of kind End has been reached: all before it is done, and
// business time stands at its instant until EndDone.
func (p *Player) Ended() <-chan struct{} { return p.ended }

// Refused is how many commands of the script the core refused.
func (p *Player) Refused() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused
}

// pause between two looks when nothing is to be done.
const pause = 15 * time.Millisecond

// troubling is for how long all fails before somebody is told: a database that is started
// again is back by then.
const troubling = 10 * time.Second

// Run plays until ctx ends, and returns nil then. An error means that something fails for
// longer than Patience.
func (p *Player) Run(ctx context.Context) error { return p.run(ctx, p.turn) }

func (p *Player) run(ctx context.Context, turn func(context.Context) (worked bool, err error)) error {
	var since time.Time // of the failures in a row
	told := false
	for ctx.Err() == nil {
		worked, err := turn(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			since, told = time.Time{}, false
		case since.IsZero():
			since = clock.Wall()
		case clock.Wall().Sub(since) > p.o.Patience:
			return fmt.Errorf("the rehearsal's player gives up after %s: %w", p.o.Patience, err)
		case !told && p.o.Troubled != nil && clock.Wall().Sub(since) > troubling:
			told = true
			p.o.Troubled(err)
		}
		if !worked || err != nil {
			wait(ctx, pause)
		}
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// turn reads the mail, opens cases and plays rows that are due.
func (p *Player) turn(ctx context.Context) (worked bool, err error) {
	read, err := p.readMail(ctx)
	if err != nil {
		return false, err
	}
	opened, err := p.open(ctx)
	if err != nil {
		return false, err
	}
	played, err := p.playDue(ctx)
	return read+opened+played > 0, err
}

// open runs the starter, which only looks at accounts about which something is new.
func (p *Player) open(ctx context.Context) (int, error) {
	sum, err := p.starter.Run(ctx, app.StartOptions{Each: func(o app.Opening) {
		p.tell(Event{At: o.At, Account: o.AccountKey, What: "opened", Detail: o.Sequence})
	}})
	return sum.Opened, err
}

// dueAtOnce is how many rows are read at a time.
const dueAtOnce = 1000

// hands is how many rows are played at a time.
const hands = 6

// playDue plays rows whose time has come and whose debtors have no work due.
func (p *Player) playDue(ctx context.Context) (int, error) {
	now, err := clock.Recent(ctx, p.o.Clock)
	if err != nil {
		return 0, err
	}
	due, err := p.o.Store.DueScript(ctx, now, dueAtOnce)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	busy, err := p.busy(ctx, now)
	if err != nil {
		return 0, err
	}
	batch, err := p.pick(ctx, due, busy)
	if err != nil {
		return 0, err
	}
	return len(batch), p.playAll(ctx, batch)
}

// busy are the debtors that have a case with work due.
func (p *Player) busy(ctx context.Context, now time.Time) (map[string]bool, error) {
	rows, err := p.o.Store.Pool().Query(ctx,
		`SELECT DISTINCT debtor_id::text FROM cases WHERE status = 'open' AND (next_at <= $1 OR pending_at <= $1)`, now)
	if err != nil {
		return nil, fmt.Errorf("looking for work that is due: %w", err)
	}
	defer rows.Close()
	busy := map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		busy[id] = true
	}
	return busy, rows.Err()
}

// pick takes the rows that may be played together: the first of each debtor that is not
// busy, up to the first row that is played alone.
func (p *Player) pick(ctx context.Context, due []postgres.Script, busy map[string]bool) ([]postgres.Script, error) {
	var batch []postgres.Script
	quiet := len(busy) == 0
	for i, row := range due {
		act, ok := p.acts[row.Kind]
		if !ok {
			return nil, fmt.Errorf("script row %s: nobody knows how to play the kind %q", row.Key, row.Kind)
		}
		if act.Alone {
			if i == 0 && quiet {
				batch = append(batch, row)
			}
			break
		}
		debtor, err := p.debtorOf(ctx, row)
		if err != nil {
			return nil, err
		}
		if !busy[debtor] {
			batch = append(batch, row)
			busy[debtor] = true
		}
	}
	return batch, nil
}

func (p *Player) playAll(ctx context.Context, batch []postgres.Script) error {
	errs := make([]error, len(batch))
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(hands, len(batch)) {
		wg.Go(func() {
			for i := range next {
				errs[i] = p.play(ctx, batch[i])
			}
		})
	}
	for i := range batch {
		next <- i
	}
	close(next)
	wg.Wait()
	return errors.Join(errs...)
}

// play plays one row, adds what follows from it, and only then marks it as done.
func (p *Player) play(ctx context.Context, row postgres.Script) error {
	more, err := p.acts[row.Kind].Play(ctx, p, row)
	if errors.Is(err, errNotYet) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("script row %s: %w", row.Key, err)
	}
	if err := p.add(ctx, more); err != nil {
		return err
	}
	return p.o.Store.ScriptDone(ctx, row.Key)
}

// errNotYet leaves a row as it is.
var errNotYet = errors.New("not yet")

func (p *Player) add(ctx context.Context, rows []postgres.Script) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := p.o.Store.AddScript(ctx, rows...)
	return err
}

func (p *Player) tell(e Event) {
	if p.o.Told == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.o.Told(e)
}

// Tell passes an event on to whoever watches.
func (p *Player) Tell(e Event) { p.tell(e) }

// Store that is played on.
func (p *Player) Store() *postgres.Store { return p.o.Store }

// Book of published configuration.
func (p *Player) Book() *app.Book { return p.o.Book }

// Clock is business time.
func (p *Player) Clock() clock.Clock { return p.o.Clock }
