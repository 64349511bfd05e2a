package httpx

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/duly/duly/dunning"
)

// defaultWait is how long to wait after a 429 that does not say.
const defaultWait = 30 * time.Second

// Answer is what one call came to. It holds no URL and no error text.
type Answer struct {
	Status     int           // 0 = no answer
	Body       []byte        // what could be read of it
	Complete   bool          // Body is the whole body
	Header     http.Header   // of the answer; nil without one
	RetryAfter time.Duration // what the answer asked for, else 0
	NotWritten bool          // the request provably never reached the server
	Cause      string        // why there is no (complete) answer: timeout, canceled, dns, dial, tls, redirect, size, connection
}

// Do makes one call within the transport's time-out and ctx's deadline and
// reads the answer. It never fails in another way than through the Answer.
func (t *Transport) Do(ctx context.Context, r *http.Request) Answer {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	var trace Trace
	resp, err := t.Client(ctx, &trace).Do(r)
	if err != nil {
		return Answer{Status: trace.Status(), RetryAfter: trace.RetryAfter(), NotWritten: trace.NotWritten(), Cause: cause(ctx, err)}
	}
	defer closeBody(resp.Body)
	a := Answer{Status: resp.StatusCode, Header: resp.Header, RetryAfter: trace.RetryAfter(), Complete: true}
	if a.Body, err = io.ReadAll(resp.Body); err != nil {
		a.Complete, a.Cause = false, cause(ctx, err)
	}
	return a
}

// cause names the reason of a failed call in one word.
func cause(ctx context.Context, err error) string {
	var (
		dns  *net.DNSError
		op   *net.OpError
		cert *tls.CertificateVerificationError
		ca   x509.UnknownAuthorityError
		rec  tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, ErrRedirect):
		return "redirect"
	case errors.Is(err, ErrBodyTooLarge):
		return "size"
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "timeout"
	case ctx.Err() != nil:
		return "canceled"
	case errors.As(err, &dns):
		return "dns"
	case errors.As(err, &cert), errors.As(err, &ca), errors.As(err, &rec):
		return "tls"
	case errors.As(err, &op) && op.Op == "dial":
		return "dial"
	}
	return "connection"
}

// Common classifies what means the same at every provider of ours and reports
// whether it did: no answer, redirects, 5xx and 408 (unknown: the message may
// have been taken), 429 (never taken), and connections that never wrote.
// 2xx and the other 4xx are the adapters' own.
func Common(a Answer) (dunning.Outcome, bool) {
	status := "http:" + strconv.Itoa(a.Status)
	switch {
	case a.Status == 0 && a.NotWritten:
		return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedNow, Code: "net:" + a.Cause}, true
	case a.Status == 0:
		return Unknown("net:" + a.Cause), true
	case a.Status < 200, a.Status >= 300 && a.Status < 400, a.Status >= 500, a.Status == http.StatusRequestTimeout:
		// 408 is a gateway's own word: what is behind it may have the message.
		return Unknown(status), true
	case a.Status == http.StatusTooManyRequests:
		return Later(status, a.RetryAfter), true
	}
	return dunning.Outcome{}, false
}

// Unknown is the outcome of a call that may or may not have been taken.
func Unknown(code string) dunning.Outcome {
	return dunning.Outcome{State: dunning.SendUnknown, Code: code}
}

// Later is the outcome of a call that was proven not taken and may be repeated
// after wait (30 s when the provider did not say).
func Later(code string, wait time.Duration) dunning.Outcome {
	if wait <= 0 {
		wait = defaultWait
	}
	return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: code, RetryAfter: wait}
}

// Refused is the outcome of a message that the provider did not take and never
// will in this form.
func Refused(class dunning.FailureClass, code string) dunning.Outcome {
	return dunning.Outcome{State: dunning.SendFailed, Class: class, Code: code, Permanent: true}
}

// ByStatus is the class of a refusal that only its status explains: wrong
// credentials or address of the API are configuration, the rest is content
// that a person must look at. An unknown refusal is never repeated.
func ByStatus(status int) dunning.FailureClass {
	switch status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound,
		http.StatusMethodNotAllowed, http.StatusProxyAuthRequired, http.StatusGone:
		return dunning.FailedConfig
	}
	return dunning.FailedContent
}
