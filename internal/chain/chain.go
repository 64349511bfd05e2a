// Package chain makes and verifies the hash chain over tables whose rows are only ever
// added: who changes, deletes, adds in between or cuts off rows behind the program's back
// is found, and the first row that differs is named.
//
// Rows are sealed in batches, each batch a Seal whose hash covers the digests of its rows
// and the hash of the seal before. All ledgers share one chain, so one hash, the Head,
// stands for everything: keep it elsewhere, and even a tail that was cut off together with
// its seals is found.
//
// It owns what is hashed and what a fault is. It does not own where rows and seals are
// stored, how a row becomes a digest, nor when rows are safe to seal (internal/postgres).
package chain

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// String is the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes the hash in hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *Hash) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(h) {
		return fmt.Errorf("%q is no SHA-256 in hexadecimal (64 digits)", text)
	}
	copy(h[:], b)
	return nil
}

// Row is a row of a ledger: its number, which grows in the order in which rows were added,
// and the digest of its content.
type Row struct {
	ID     int64
	Digest Hash
}

// Start is the After of a ledger's first seal: before any row.
const Start = math.MinInt64

// markSize is the bytes of a mark: the row's number and the beginning of its digest.
const markSize = 16

// Seal covers the rows of one ledger whose numbers are in (After, To].
type Seal struct {
	N         int64 // 1, 2, 3 …, over all ledgers
	Ledger    string
	Form      int // how rows become digests
	After, To int64
	Count     int
	At        time.Time // wall time, in microseconds
	Marks     []byte    // of each row its number and the first bytes of its digest
	Hash      Hash
}

// Next seals rows, ordered by their numbers and at least one, after another seal (the zero
// Seal for the first) of any ledger. after is the To of the ledger's seal before, or Start.
func Next(prev Seal, ledger string, form int, after int64, at time.Time, rows []Row) Seal {
	s := Seal{
		N: prev.N + 1, Ledger: ledger, Form: form, After: after, To: rows[len(rows)-1].ID, Count: len(rows),
		At: at.UTC().Truncate(time.Microsecond), Marks: make([]byte, 0, markSize*len(rows)),
	}
	for _, r := range rows {
		s.Marks = mark(s.Marks, r)
	}
	s.Hash = s.over(prev.Hash, rows)
	return s
}

// mark adds a row's mark.
func mark(b []byte, r Row) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(r.ID)), r.Digest[:8]...) //nolint:gosec // the bits are what counts
}

// over is the hash of the seal over rows, after the seal with the hash prev. Every part has
// a fixed length or is led by its length, so two different contents are different bytes.
func (s Seal) over(prev Hash, rows []Row) (out Hash) {
	h := sha256.New()
	b := append([]byte("duly-chain-1\x00"), prev[:]...)
	for _, n := range []int64{s.N, int64(len(s.Ledger))} {
		b = binary.BigEndian.AppendUint64(b, uint64(n)) //nolint:gosec // not negative
	}
	b = append(b, s.Ledger...)
	for _, n := range []int64{int64(s.Form), s.After, s.To, int64(len(rows)), s.At.UnixMicro()} {
		b = binary.BigEndian.AppendUint64(b, uint64(n)) //nolint:gosec // the bits are what counts
	}
	h.Write(b)
	for _, r := range rows {
		h.Write(binary.BigEndian.AppendUint64(b[:0], uint64(r.ID))) //nolint:gosec // the bits are what counts
		h.Write(r.Digest[:])
	}
	h.Sum(out[:0])
	return out
}

// Head is the end of a chain: what is to be kept where the database's owner cannot
// change it. The zero Head is that of an empty chain.
type Head struct {
	N    int64 `json:"n"`
	Hash Hash  `json:"hash"`
}

// String is the form in which a head is kept: number:hash.
func (h Head) String() string { return strconv.FormatInt(h.N, 10) + ":" + h.Hash.String() }

// ParseHead reads what String wrote.
func ParseHead(text string) (h Head, err error) {
	n, hash, _ := strings.Cut(strings.TrimSpace(text), ":")
	if h.N, err = strconv.ParseInt(n, 10, 64); err == nil && h.N >= 0 {
		err = h.Hash.UnmarshalText([]byte(hash))
	}
	if err != nil || h.N < 0 {
		return Head{}, fmt.Errorf("%q is no head of a chain: write it as it was printed, NUMBER:HASH with 64 hexadecimal digits", text)
	}
	return h, nil
}
