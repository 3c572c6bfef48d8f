//! The demo's report as a file: the facts, one entry per device and app.

use super::truth::Fact;
use serde::Serialize;
use std::path::Path;

/// The report.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// Everything wanted is true on the devices, and at Apple.
    pub as_wanted: bool,
    /// Simulated devices.
    pub devices: usize,
    /// Seconds from the first invitation opened to the end.
    pub seconds: f64,
    /// The kind of database: `sqlite` or `postgres`.
    pub database: &'a str,
    /// Pushes that the simulated APNs accepted.
    pub pushes: u64,
    /// The facts, one entry per device and app.
    pub facts: &'a [Fact],
}

impl Report<'_> {
    /// Writes it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        Ok(std::fs::write(file, serde_json::to_vec_pretty(self)?)?)
    }
}
