//! The audit log: who did what, to what, with which result. Must never hold a secret.
