//! Scenarios of profiles.
