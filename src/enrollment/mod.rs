//! Invitations, enrollment profiles, identities and who a request speaks for, check-in state. Must never let the certificate of one enrollment speak for another.
