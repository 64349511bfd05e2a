package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits bound guessing. They are this process's: with n consoles behind one address there
// are n times as many tries, which changes nothing about 130 bits or argon2id.
type limits struct {
	names *Buckets // of users: 5 tries at once, then one in 30 s
	addrs *Buckets // of callers: 30 at once, then one in 2 s
	// strangers bound how many refusals of people who have not signed in are written into
	// the audit, so that nobody from outside can fill the database: 100 at once, then one a
	// second. The others are in the log.
	strangers *Buckets
	// hashing bounds how many passwords are checked at once: each takes 64 MiB.
	hashing chan struct{}
}

func newLimits(wall func() time.Time) *limits {
	return &limits{
		names:   NewBuckets(wall, rate.Every(30*time.Second), 5),
		addrs:   NewBuckets(wall, rate.Every(2*time.Second), 30),
		hashing: make(chan struct{}, 2),

		strangers: NewBuckets(wall, 1, 100),
	}
}

// Buckets limit a rate for each of many keys. Safe for concurrent use.
type Buckets struct {
	wall  func() time.Time
	every rate.Limit
	burst int

	mu sync.Mutex
	of map[string]*rate.Limiter
}

// mostBuckets bounds the memory that strangers can take.
const mostBuckets = 20000

// NewBuckets allows burst at once and then every.
func NewBuckets(wall func() time.Time, every rate.Limit, burst int) *Buckets {
	return &Buckets{wall: wall, every: every, burst: burst, of: map[string]*rate.Limiter{}}
}

// Allow takes one from the key's bucket, and reports whether there was one. wait is after
// how long there will be one again.
func (b *Buckets) Allow(key string) (ok bool, wait time.Duration) {
	now := b.wall()
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.of[key]
	if l == nil {
		b.makeRoom(now)
		l = rate.NewLimiter(b.every, b.burst)
		b.of[key] = l
	}
	if l.AllowN(now, 1) {
		return true, 0
	}
	missing := 1 - l.TokensAt(now)
	return false, time.Duration(missing / float64(b.every) * float64(time.Second)).Round(time.Second)
}

// Left is how many the key's bucket holds now, and after how long it is full again.
func (b *Buckets) Left(key string) (n int, full time.Duration) {
	now := b.wall()
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.of[key]
	if l == nil {
		return b.burst, 0
	}
	tokens := max(0, l.TokensAt(now))
	return int(tokens), time.Duration((float64(b.burst) - tokens) / float64(b.every) * float64(time.Second))
}

// Forget fills the key's bucket: whoever proved who they are was not guessing.
func (b *Buckets) Forget(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.of, key)
}

// makeRoom drops full buckets, which mean the same as none; when all are in use, all: an
// attacker with so many addresses is not stopped by counting them.
func (b *Buckets) makeRoom(now time.Time) {
	if len(b.of) < mostBuckets {
		return
	}
	for key, l := range b.of {
		if l.TokensAt(now) >= float64(b.burst) {
			delete(b.of, key)
		}
	}
	if len(b.of) >= mostBuckets {
		clear(b.of)
	}
}

// Caller is where a request comes from, for rate limits: the peer, or, behind n proxies of
// our own, the n-th last entry of X-Forwarded-For. Of an address of version 6 it is the
// network of 64 bits, because whoever has one address has all of them.
func Caller(r *http.Request, proxies int) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if proxies > 0 {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		if i := len(hops) - proxies; i >= 0 && net.ParseIP(strings.TrimSpace(hops[i])) != nil {
			host = strings.TrimSpace(hops[i])
		}
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(64)
	if err != nil {
		return host
	}
	return network.String()
}
