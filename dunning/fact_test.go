package dunning

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning/money"
)

// fill puts something into every field that can hold it, so that a field that
// does not survive JSON is noticed.
func fill(v reflect.Value, n int) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2024, 1, 2, 3, 4, n, 0, time.UTC)))
		return
	case money.Amount:
		v.Set(reflect.ValueOf(money.MustParse("12.34", "EUR")))
		return
	case Date:
		v.Set(reflect.ValueOf(Date{2024, 2, 29}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n + 1))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), i)
		}
	case reflect.Slice:
		s := reflect.MakeSlice(v.Type(), 1, 1)
		fill(s.Index(0), n)
		v.Set(s)
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		m.SetMapIndex(reflect.ValueOf("key"), reflect.ValueOf("text"))
		v.Set(m)
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		fill(p.Elem(), n)
		v.Set(p)
	}
}

// TestEveryKindSurvivesJSON: each kind of fact comes back from JSON as it was,
// with all its fields.
func TestEveryKindSurvivesJSON(t *testing.T) {
	if len(bodies) != 63 {
		t.Errorf("there are %d kinds of fact; a new one must be thought of in docs and schemas, then counted here", len(bodies))
	}
	for kind := range bodies {
		empty, err := DecodeBody(kind, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		v := reflect.New(reflect.TypeOf(empty)).Elem()
		fill(v, 0)
		f := Fact{Version: 7, At: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), Account: "a", Case: "c", By: "b", Source: "s", Body: v.Interface().(Body)}
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var back Fact
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if !reflect.DeepEqual(f, back) {
			t.Errorf("%s: %s came back as %+v", kind, b, back)
		}
		if back.Body.Kind() != kind {
			t.Errorf("%s says that it is %s", kind, back.Body.Kind())
		}
	}
}

func TestUnknownFactsAreRefused(t *testing.T) {
	for about, in := range map[string]string{
		"a kind that does not exist":   `{"kind":"wish","at":"2024-01-01T00:00:00Z"}`,
		"no kind at all":               `{"at":"2024-01-01T00:00:00Z"}`,
		"a body of the wrong shape":    `{"kind":"payment","at":"2024-01-01T00:00:00Z","id":7}`,
		"a day that does not exist":    `{"kind":"item","at":"2024-01-01T00:00:00Z","key":"a","due":"2024-02-30"}`,
		"an amount with half a cent":   `{"kind":"payment","at":"2024-01-01T00:00:00Z","id":"p","amount":{"amount":"1.005","currency":"EUR"}}`,
		"an amount without a currency": `{"kind":"payment","at":"2024-01-01T00:00:00Z","id":"p","amount":{"amount":"1.00"}}`,
	} {
		var f Fact
		if err := json.Unmarshal([]byte(in), &f); err == nil {
			t.Errorf("%s is accepted: %+v", about, f)
		}
	}
}

func TestDates(t *testing.T) {
	d := func(s string) Date { v, _ := ParseDate(s); return v }
	if got := d("2024-01-31").addMonths(1); got != d("2024-02-29") {
		t.Errorf("a month after 31 January 2024 is %s", got)
	}
	if got := d("2023-12-31").AddDays(60); got != d("2024-02-29") {
		t.Errorf("60 days after 31 December 2023 is %s", got)
	}
	if got := d("2024-02-29").Days(d("2024-03-01")); got != 1 {
		t.Errorf("days between: %d", got)
	}
	if got := d("2023-01-31").AddDays(30).MonthEnd(); got != d("2023-03-31") {
		t.Errorf("month end: %s", got)
	}
	for _, bad := range []string{"2024-02-30", "2024-2-3", "03.02.2024", "2024-02-03T00:00:00Z", "yesterday"} {
		if _, err := ParseDate(bad); err == nil || !strings.Contains(err.Error(), "YYYY-MM-DD") {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}
