package operate

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

type importsPage struct {
	List      read.List[read.ImportRow]
	Uploads   []read.Upload
	Mappings  []ops.Mapping
	Creditors []web.Creditor
	Fault     string
}

// Share is how much of a file has been read, in percent.
func (importsPage) Share(u read.Upload) int64 {
	if u.Size == 0 {
		return 0
	}
	return min(100, u.Bytes*100/u.Size)
}

func (d *operations) imports(r *web.Request) error { return d.showImports(r, "") }

func (d *operations) showImports(r *web.Request, fault string) error {
	return d.showRefused(r, http.StatusUnprocessableEntity, fault)
}

// showRefused is the page with why a file was not taken; status counts where there is a fault.
func (d *operations) showRefused(r *web.Request, status int, fault string) (err error) {
	ctx := r.R.Context()
	if fault == "" && r.WantsCSV() {
		scope := taken(r, identity.Monitor)
		return r.CSV("imports", importsHeader, mapped(read.All(func(pg read.Page) (read.List[read.ImportRow], error) { return d.Read.Imports(ctx, scope, pg) }), importsCells))
	}
	p := importsPage{Fault: fault}
	if p.List, err = d.Read.Imports(ctx, r.Scope(identity.Monitor), read.Page{After: r.Value("after")}); err != nil {
		return err
	}
	if r.User.Somewhere(identity.Import) {
		if p.Uploads, err = d.Read.Uploads(ctx, r.Scope(identity.Import), 50); err != nil {
			return err
		}
		if p.Mappings, err = d.Desk.Mappings(ctx); err != nil {
			return err
		}
		if p.Creditors, err = r.Creditors(identity.Import); err != nil {
			return err
		}
	}
	if fault != "" {
		return r.PageStatus(status, "imports.html", p)
	}
	return r.Page("imports.html", p)
}

var importsHeader = []string{"import", "kind", "creditor", "file", "at", "started", "finished", "rows", "rejects"}

func importsCells(r read.ImportRow) []string {
	return []string{
		r.ID, r.Kind, r.Creditor, r.File, stamp(r.At), stamp(r.Started), stamp(r.Finished), strconv.FormatInt(r.DoneRow, 10), strconv.FormatInt(r.Rejects, 10),
	}
}

type rejectsPage struct {
	ID      string
	List    read.List[read.RejectRow]
	HasFile bool
}

// rejects are the rows that an import refused, each with why and how to mend it.
func (d *operations) rejects(r *web.Request) error {
	ctx, id, scope := r.R.Context(), r.R.PathValue("id"), r.Scope(identity.Monitor)
	if r.WantsCSV() {
		return r.CSV("rejects", []string{"row", "line", "column", "reason"},
			mapped(read.All(func(p read.Page) (read.List[read.RejectRow], error) { return d.Read.ImportRejects(ctx, scope, id, p) }),
				func(x read.RejectRow) []string {
					return []string{fmt.Sprint(x.Row), fmt.Sprint(x.Line), x.Column, x.Reason}
				}))
	}
	list, err := d.Read.ImportRejects(ctx, scope, id, read.Page{After: r.Value("after")})
	if err != nil {
		return err
	}
	_, _, err = d.Read.RejectFile(ctx, r.Scope(identity.Import), id)
	return r.Page("rejects.html", rejectsPage{id, list, err == nil})
}

// rejectFile is the rejected rows in the columns and the encoding of the file.
func (d *operations) rejectFile(r *web.Request) error {
	name, body, err := d.Read.RejectFile(r.R.Context(), r.Scope(identity.Import), r.R.PathValue("id"))
	if errors.Is(err, identity.ErrNotFound) {
		return web.NotFound("The file of rejected rows")
	}
	if err != nil {
		return err
	}
	return r.Attachment(name, "text/csv", body)
}

// upload takes a file and checks it. Nothing of it is stored yet.
func (d *operations) upload(r *web.Request) error {
	file, header, err := r.R.FormFile("file")
	if err != nil {
		return d.showImports(r, "Choose a file first.")
	}
	defer func() { _ = file.Close() }()
	u, err := d.Desk.TakeFile(r.R.Context(), r.User, header.Filename, r.Value("mapping"), r.Value("creditor"), file)
	if err != nil {
		if e := web.AsError(err); e.Status == http.StatusUnprocessableEntity || e.Status == http.StatusRequestEntityTooLarge || e.Status == http.StatusTooManyRequests {
			return d.showRefused(r, e.Status, e.Detail)
		}
		return err
	}
	return r.Redirect("/uploads/" + u.ID)
}

// summary is what a page shows of what the importer says.
type summary struct {
	Rows, Skipped, Repeated, Valid, Added, Updated, Known, Rejected, Accounts, Warned int
	Sums                                                                              map[string]money.Amount
	Problems, Warnings                                                                []problem
	Unused                                                                            []string `json:"unused_columns"`
}

type problem struct {
	Row, Line              int
	Column, Field, Message string
}

type uploadPage struct {
	read.Upload
	S     summary
	Share int64
	Sums  []money.Amount
	Live  bool
}

// uploaded is a file on its way, with what checking it came to.
func (d *operations) uploaded(r *web.Request) error {
	u, err := d.Read.Upload(r.R.Context(), r.Scope(identity.Import), r.R.PathValue("id"))
	if err != nil {
		return err
	}
	p := uploadPage{Upload: u, Share: importsPage{}.Share(u), Live: slices.Contains([]string{"check", "store"}, u.State)}
	if len(u.Summary) > 0 {
		if err := json.Unmarshal(u.Summary, &p.S); err != nil {
			return fmt.Errorf("summary of upload %s: %w", u.ID, err)
		}
	}
	for _, currency := range slices.Sorted(maps.Keys(p.S.Sums)) {
		p.Sums = append(p.Sums, p.S.Sums[currency])
	}
	return r.Page("upload.html", p)
}

// uploadRejects is the rejected rows of a dry run as a file.
func (d *operations) uploadRejects(r *web.Request) error {
	name, body, err := d.Read.UploadRejects(r.R.Context(), r.Scope(identity.Import), r.R.PathValue("id"))
	if errors.Is(err, identity.ErrNotFound) {
		return web.NotFound("The file of rejected rows")
	}
	if err != nil {
		return err
	}
	return r.Attachment(name+".rejects.csv", "text/csv", body)
}

// storeFile takes a checked file in.
func (d *operations) storeFile(r *web.Request) error {
	u, err := d.Desk.StoreFile(r.R.Context(), r.User, r.R.PathValue("id"))
	if err != nil {
		return err
	}
	text := "The file is being taken in."
	if u.State == "stored" {
		text = "The file is taken in."
	}
	return r.Done("/uploads/"+u.ID, text)
}

// giveUpFile wipes an uploaded file.
func (d *operations) giveUpFile(r *web.Request) error {
	if _, err := d.Desk.GiveUpFile(r.R.Context(), r.User, r.R.PathValue("id")); err != nil {
		return err
	}
	return r.Done("/imports", "The file is wiped. Nothing of it was stored.")
}
