//! What a device still needs, and why: pure functions, no I/O, no clock.
