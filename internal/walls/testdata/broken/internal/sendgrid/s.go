// Package sendgrid stands alone.
package sendgrid
