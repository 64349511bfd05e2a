package identity

import (
	"maps"
	"slices"
)

// Permission is one thing that somebody may do. It is also the name of a scope of an
// API key, so it never changes once it is published.
type Permission string

// The permissions.
const (
	// Anyone is not given: it marks routes that need no login, such as the login itself.
	Anyone Permission = ""
	// SignedIn is had by everybody who has signed in.
	SignedIn Permission = "signed_in"

	View     Permission = "view"      // cases, accounts, contacts, decisions, tasks; personal data
	Note     Permission = "note"      // write notes
	Payment  Permission = "payment"   // record and reverse payments
	TakeOver Permission = "take_over" // lease a case, hand it back
	Call     Permission = "call"      // log calls and messages, end call tasks
	Message  Permission = "message"   // write to a debtor from approved templates
	Promise  Permission = "promise"
	Plan     Permission = "plan"
	// Settlement is to offer one; above the role's limit it needs ApproveSettlement.
	Settlement Permission = "settlement"
	Dispute    Permission = "dispute"
	Hold       Permission = "hold"
	Consent    Permission = "consent"   // opt-outs, opt-ins, consents, dead addresses
	WriteOff   Permission = "write_off" // recall, waive, write off
	Tasks      Permission = "tasks"     // end tasks of any kind

	ApproveDraft      Permission = "approve_draft"
	ApproveReferral   Permission = "approve_referral"
	ApproveSettlement Permission = "approve_settlement"

	Monitor Permission = "monitor" // health, backlog, messages of all cases, imports
	Operate Permission = "operate" // kill switches, bulk actions, retries, inbox
	Import  Permission = "import"  // items and payments
	Config  Permission = "config"  // read releases, sequences, templates, policies
	Publish Permission = "publish" // propose and publish releases
	Migrate Permission = "migrate" // move running cases to another version of their sequence
	Approve Permission = "approve" // check what another made: sequences, templates, policies

	Review Permission = "review" // decisions, frequency, ledgers, violations
	Sample Permission = "sample" // draw and sign off samples
	// Findings is to own, mend and accept what was found to be against a rule.
	Findings Permission = "findings"
	Export   Permission = "export" // lists as CSV, evidence packs
	Audit    Permission = "audit"  // read the audit log
	Codec    Permission = "codec"  // read payloads in the Temporal UI

	Numbers Permission = "numbers" // one's own numbers
	Team    Permission = "team"    // those of others

	Users Permission = "users" // users, their roles, their sessions
	Keys  Permission = "keys"  // API keys
	Hooks Permission = "hooks" // outgoing webhooks
)

// Role is what somebody is for a creditor.
type Role string

// The roles.
const (
	Admin      Role = "admin"
	Operations Role = "operations"
	Collector  Role = "collector"
	Supervisor Role = "supervisor"
	Compliance Role = "compliance"
	Legal      Role = "legal"
	Auditor    Role = "auditor"
)

// AllCreditors in a Grant stands for every creditor, also those of tomorrow.
const AllCreditors = "*"

// matrix is who may do what. Admins look after people and machines: they touch no case
// and see no debtor, so that whoever hands out rights does not use them. Auditors read.
var matrix = map[Role][]Permission{
	Admin:      {Config, Audit, Users, Keys, Hooks},
	Operations: {View, Note, Payment, Dispute, Hold, Tasks, Monitor, Operate, Import, Config, Publish, Migrate, Export, Consent, Numbers, Keys, Hooks},
	Collector:  {View, Note, TakeOver, Call, Message, Promise, Plan, Settlement, Dispute, Hold, Consent, Numbers},
	Supervisor: {
		View, Note, Payment, TakeOver, Call, Message, Promise, Plan, Settlement, Dispute, Hold, Consent, WriteOff, Tasks,
		ApproveDraft, ApproveSettlement, Export, Config, Numbers, Team,
	},
	Compliance: {View, Note, Hold, Consent, ApproveDraft, Approve, Config, Review, Sample, Findings, Export, Audit, Codec, Monitor},
	Legal:      {View, Note, Hold, Dispute, ApproveDraft, ApproveReferral, ApproveSettlement, Config, Export, Tasks},
	Auditor:    {View, Monitor, Config, Review, Export, Audit},
}

// changing are the permissions by which something changes. An auditor has none.
var changing = []Permission{
	Note, Payment, TakeOver, Call, Message, Promise, Plan, Settlement, Dispute, Hold, Consent, WriteOff, Tasks, ApproveDraft, ApproveReferral,
	ApproveSettlement, Operate, Import, Publish, Migrate, Approve, Sample, Findings, Users, Keys, Hooks,
}

// everywhere are permissions over the installation and not over a creditor's cases: a
// grant for one creditor does not give them.
var everywhere = []Permission{Users, Migrate, Publish, Approve, Codec}

// Roles lists all roles, sorted.
func Roles() []Role { return slices.Sorted(maps.Keys(matrix)) }

// Permissions lists all permissions that some role has, sorted.
func Permissions() []Permission {
	seen := map[Permission]bool{}
	for _, ps := range matrix {
		for _, p := range ps {
			seen[p] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Changes reports whether a permission lets somebody change something.
func (p Permission) Changes() bool { return slices.Contains(changing, p) }

// Everywhere reports whether a permission is over the whole installation, so that only a
// grant for all creditors gives it.
func (p Permission) Everywhere() bool { return slices.Contains(everywhere, p) }

// Can reports whether a role has a permission.
func (r Role) Can(p Permission) bool { return slices.Contains(matrix[r], p) }

// Known reports whether there is such a role.
func (r Role) Known() bool { _, ok := matrix[r]; return ok }

// Grant is a role for one creditor, or for all of them (AllCreditors).
type Grant struct {
	Creditor string `json:"creditor"`
	Role     Role   `json:"role"`
}

// Principal is who asks: a person who signed in, or a program with a key. The zero value
// is nobody, who may do nothing.
type Principal struct {
	// By is how facts and the audit name them: "user:<id>" or "key:<id>".
	By string
	// Name is for people.
	Name string
	// Grants of a person, ordered by creditor and role.
	Grants []Grant
	// Scopes and Creditor of a key; Creditor is AllCreditors or one. Owner is who made it:
	// "user:<id>".
	Scopes   []Permission
	Creditor string
	Owner    string
	// Bound says that a key gives no more than its owner has now: OwnerGrants. What an admin
	// of all creditors hands out is bound by their being one, since they hand out rights
	// without having them.
	Bound       bool
	OwnerGrants []Grant
}

// Nobody reports whether no one has signed in.
func (p Principal) Nobody() bool { return p.By == "" }

// Can reports whether the permission is had for a creditor. With AllCreditors: for every
// one there is or will be.
func (p Principal) Can(perm Permission, creditor string) bool {
	switch {
	case perm == Anyone:
		return true
	case p.Nobody() || creditor == "":
		return false
	case perm == SignedIn:
		return true
	}
	if perm.Everywhere() {
		creditor = AllCreditors
	}
	if slices.Contains(p.Scopes, perm) && covers(p.Creditor, creditor) && p.ownerMay(perm, creditor) {
		return true
	}
	return slices.ContainsFunc(p.Grants, func(g Grant) bool { return g.Role.Can(perm) && covers(g.Creditor, creditor) })
}

// ownerMay reports whether the owner of a key may hand out a permission for a creditor now.
func (p Principal) ownerMay(perm Permission, creditor string) bool {
	return !p.Bound || slices.ContainsFunc(p.OwnerGrants, func(g Grant) bool {
		return covers(g.Creditor, creditor) && g.Role.Can(perm) || g == Grant{AllCreditors, Admin}
	})
}

func covers(granted, asked string) bool {
	return granted == AllCreditors || granted == asked && granted != ""
}

// Somewhere reports whether the permission is had for any creditor at all: what a list
// page asks before it asks Creditors which rows it may show.
func (p Principal) Somewhere(perm Permission) bool {
	if perm == Anyone || perm == SignedIn || perm.Everywhere() {
		return p.Can(perm, AllCreditors)
	}
	if slices.Contains(p.Scopes, perm) && p.Creditor != "" && !p.Nobody() && slices.ContainsFunc(p.Reach(), func(c string) bool { return p.Can(perm, c) }) {
		return true
	}
	return !p.Nobody() && slices.ContainsFunc(p.Grants, func(g Grant) bool { return g.Role.Can(perm) && g.Creditor != "" })
}

// Reach are the creditors (or AllCreditors) that a principal's rights are told for: of the
// grants of a person, of a key its own and those that its owner has it for.
func (p Principal) Reach() (out []string) {
	for _, g := range p.Grants {
		out = append(out, g.Creditor)
	}
	if p.Creditor != "" {
		out = append(out, p.Creditor)
	}
	if p.Creditor == AllCreditors && p.Bound {
		for _, g := range p.OwnerGrants {
			out = append(out, g.Creditor)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Creditors narrows all creditors to those for which the permission is had, in order.
func (p Principal) Creditors(perm Permission, all []string) []string {
	out := []string{}
	for _, c := range all {
		if p.Can(perm, c) {
			out = append(out, c)
		}
	}
	return out
}

// Roles that are held for a creditor, sorted. Keys hold none.
func (p Principal) Roles(creditor string) []Role {
	seen := map[Role]bool{}
	for _, g := range p.Grants {
		if covers(g.Creditor, creditor) && g.Role.Known() {
			seen[g.Role] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
