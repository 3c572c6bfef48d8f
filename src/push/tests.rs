//! Scenarios of the outbox.
