package importer

// PaymentID is the id of a payment that has a reference of its own: the same whether it
// comes in a file or by a webhook, so that it counts once. currency is the account's, home
// the creditor's own.
func PaymentID(account, currency, home, reference string) string {
	return join(AccountID(account, currency, home), "ref", reference)
}
