//! The push outbox, its workers and the push certificates. Must never be called from a device's request for more than a row.
