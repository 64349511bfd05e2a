package dunning

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// commands decodes each command by its name in files, the CLI and the API.
var commands = map[string]func([]byte) (Command, error){
	"record_payment":  decodeCommand[RecordPayment],
	"reverse_payment": decodeCommand[ReversePayment],
	"place_hold":      decodeCommand[PlaceHold],
	"lift_hold":       decodeCommand[LiftHold],
	"extend_hold":     decodeCommand[ExtendHold],
	"raise_dispute":   decodeCommand[RaiseDispute],
	"resolve_dispute": decodeCommand[ResolveDispute],
	"make_promise":    decodeCommand[MakePromise],
	"agree_plan":      decodeCommand[AgreePlan],
	"cancel_plan":     decodeCommand[CancelPlan],
	"decline_offer":   decodeCommand[DeclineOffer],
	"take_lease":      decodeCommand[TakeLease],
	"hand_back":       decodeCommand[HandBack],
	"log_contact":     decodeCommand[LogContact],
	"finish_task":     decodeCommand[FinishTask],
	"write_note":      decodeCommand[WriteNote],
	"opt_out":         decodeCommand[OptOut],
	"opt_in":          decodeCommand[OptIn],
	"mark_point":      decodeCommand[MarkPoint],
	"waive_step":      decodeCommand[WaiveStep],
	"recall":          decodeCommand[Recall],
	"send_message":    decodeCommand[SendMessage],
	"take_reply":      decodeCommand[TakeReply],
	"give_consent":    decodeCommand[GiveConsent],
	"revoke_consent":  decodeCommand[RevokeConsent],
	"state_times":     decodeCommand[StateTimes],
	"state_wish":      decodeCommand[StateWish],
	"withdraw_wish":   decodeCommand[WithdrawWish],
	"record_status":   decodeCommand[RecordStatus],
	"describe_debt":   decodeCommand[DescribeDebt],
	"know_person":     decodeCommand[KnowPerson],
	"know_location":   decodeCommand[KnowLocation],
	"know_point":      decodeCommand[KnowPoint],
	"record_notice":   decodeCommand[RecordNotice],
	"receive_notice":  decodeCommand[ReceiveNotice],
	"change_notice":   decodeCommand[ChangeNotice],
	"check_number":    decodeCommand[CheckNumber],
	"report_delivery": decodeCommand[ReportDelivery],

	"withdraw_promise":    decodeCommand[WithdrawPromise],
	"hand_over":           decodeCommand[HandOver],
	"pin_note":            decodeCommand[PinNote],
	"unpin_note":          decodeCommand[UnpinNote],
	"dismiss_mention":     decodeCommand[DismissMention],
	"set_callback":        decodeCommand[SetCallback],
	"move_callback":       decodeCommand[MoveCallback],
	"cancel_callback":     decodeCommand[CancelCallback],
	"offer_settlement":    decodeCommand[OfferSettlement],
	"accept_settlement":   decodeCommand[AcceptSettlement],
	"decline_settlement":  decodeCommand[DeclineSettlement],
	"withdraw_settlement": decodeCommand[WithdrawSettlement],
	"migrate":             decodeCommand[Migrate],
	"cancel_migration":    decodeCommand[CancelMigration],
}

func decodeCommand[C Command](b []byte) (Command, error) {
	var c C
	err := json.Unmarshal(b, &c)
	return c, err
}

// CommandNames lists the names that DecodeCommand knows, sorted.
func CommandNames() []string { return slices.Sorted(maps.Keys(commands)) }

// DecodeCommand reads the JSON of a command. Unknown members are ignored.
func DecodeCommand(name string, b []byte) (Command, error) {
	d, ok := commands[name]
	if !ok {
		return nil, fmt.Errorf("unknown command %q; there are %s: %w", name, strings.Join(CommandNames(), ", "), ErrInvalid)
	}
	c, err := d(b)
	if err != nil {
		return nil, fmt.Errorf("command %s: %v: %w", name, err, ErrInvalid)
	}
	return c, nil
}
