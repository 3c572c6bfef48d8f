//! Values that nobody may read in a log: PINs, passwords, tokens.

use std::fmt;

/// A PIN, password or token. It goes over the wire as what it is; `Debug` says only that it is there.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Keeps a value from being shown.
    pub fn new(value: impl Into<T>) -> Self {
        Self(value.into())
    }

    /// The value itself. Whoever asks for it answers for where it goes.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// A secret text.
pub type SecretText = Secret<String>;
/// Secret bytes.
pub type SecretBytes = Secret<Vec<u8>>;
