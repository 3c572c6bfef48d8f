//! What is wrong with a configuration: every fault with its key and the place it came from, all at once.

use std::fmt;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The configuration file of this name.
    File(String),
    /// This environment variable.
    Environment(String),
    /// This flag of the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(name) => f.write_str(name),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// One thing wrong. The text says what to do next and never quotes a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The setting's key, `device.address`; the file's name where the file itself is at fault.
    pub key: String,
    /// Where the value came from.
    pub origin: Origin,
    /// What is wrong and what to write instead.
    pub problem: String,
}

/// Everything wrong with a configuration, at least one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => writeln!(f, "the configuration has a fault, and nothing was started:")?,
            n => writeln!(f, "the configuration has {n} faults, and nothing was started:")?,
        }
        for fault in &self.0 {
            match &fault.origin {
                Origin::File(name) if *name == fault.key => writeln!(f, "  {name}: {}", fault.problem)?,
                origin => writeln!(f, "  {} ({origin}): {}", fault.key, fault.problem)?,
            }
        }
        f.write_str("`russet config example` prints every setting with its meaning.")
    }
}

impl std::error::Error for Faults {}
