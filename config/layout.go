package config

import (
	"fmt"
	"html"
	"strings"

	"github.com/duly/duly/internal/sms"
)

// emailPage is the responsive layout of emails: one column of at most 600
// pixels, tables and inline styles only, nothing that is fetched from elsewhere.
func emailPage(subject, body, lang string, c Creditor) string {
	const cell = `font-family:Arial,Helvetica,sans-serif;`
	var footer []string
	for _, line := range footerLines(c) {
		footer = append(footer, html.EscapeString(line))
	}
	return fmt.Sprintf(`<!doctype html>
<html lang="%s">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>%s</title>
<style>
@media (max-width:620px){.duly-box{width:100%%!important}.duly-pad{padding-left:16px!important;padding-right:16px!important}}
</style>
</head>
<body style="margin:0;padding:0;background:#f3f3f1;">
<table role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%%" style="background:#f3f3f1;"><tr><td align="center" style="padding:24px 8px;">
<table role="presentation" class="duly-box" cellpadding="0" cellspacing="0" border="0" width="600" style="width:600px;max-width:600px;background:#ffffff;">
<tr><td class="duly-pad" style="padding:24px 32px 8px 32px;%sfont-size:18px;line-height:24px;font-weight:bold;color:#1a1a1a;">%s</td></tr>
<tr><td class="duly-pad" style="padding:16px 32px 16px 32px;">
%s
</td></tr>
<tr><td class="duly-pad" style="padding:16px 32px 24px 32px;border-top:1px solid #d9d9d9;%sfont-size:13px;line-height:20px;color:#595959;">%s</td></tr>
</table>
</td></tr></table>
</body>
</html>
`, html.EscapeString(lang), html.EscapeString(subject), cell, html.EscapeString(c.Name), body, cell, strings.Join(footer, "<br>\n"))
}

// emailText is the plain text part with the same footer.
func emailText(body string, c Creditor) string {
	return body + "\n-- \n" + strings.Join(footerLines(c), "\n") + "\n"
}

// footerLines say who writes and from where.
func footerLines(c Creditor) []string {
	lines := append([]string{}, c.Address...)
	for _, s := range []string{c.Phone, c.Website, c.License} {
		if s != "" {
			lines = append(lines, s)
		}
	}
	return lines
}

// letterPage is the accessible twin of a letter for the portal.
func letterPage(subject, body, lang string) string {
	return fmt.Sprintf(`<!doctype html>
<html lang="%s">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title>
</head>
<body style="margin:0 auto;padding:24px 16px;max-width:680px;background:#ffffff;">
%s
</body>
</html>
`, html.EscapeString(lang), html.EscapeString(subject), body)
}

// smsText is one line without characters that cost an encoding for nothing.
func smsText(body string) string { return sms.Clean(squeeze(body)) }
