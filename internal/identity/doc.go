// Package identity says who somebody is and what they may do.
//
// It owns the roles, the permissions, the one matrix between them, what a password or a
// token looks like when it is kept, and the shapes of users, sessions and keys that the
// store and the web share. It does not own where they are kept (internal/postgres), how
// people sign in (internal/web/signin), nor the limits of a role's authority
// (config/roles.yaml): those are operations' to change, this matrix is not.
package identity
