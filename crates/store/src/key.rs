//! The master key: 32 bytes under which every stored secret is sealed. It lives in a file of its own or in the environment,
//! never in the database, and no message shows it.

use crate::StoreError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use zeroize::Zeroizing;

/// The variable that may carry the key, in base64.
const VARIABLE: &str = "RUSSET_MASTER_KEY";

/// The master key. Its text form is 32 bytes in base64.
#[derive(Clone)]
pub struct MasterKey(pub(crate) Zeroizing<[u8; 32]>);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// From the environment variable `RUSSET_MASTER_KEY`; where it is not set, from the file, which is made (mode 0600) when
    /// it does not exist. A file that others can read is refused.
    pub fn obtain(file: &Path) -> Result<Self, StoreError> {
        match std::env::var(VARIABLE).map(Zeroizing::new) {
            Ok(text) => Self::from_text(&text)
                .ok_or_else(|| StoreError::Key(format!("{VARIABLE} does not hold 32 bytes in base64"))),
            Err(_) => Self::load_or_make(file),
        }
    }

    /// From a file; made with mode 0600 when it does not exist.
    pub fn load_or_make(file: &Path) -> Result<Self, StoreError> {
        match Self::load(file)? {
            Some(key) => Ok(key),
            None => Self::make(file),
        }
    }

    /// A new key that is stored nowhere.
    pub fn generate() -> Result<Self, StoreError> {
        let mut bytes = Zeroizing::new([0; 32]);
        let filled = SystemRandom::new().fill(bytes.as_mut());
        filled.map_err(|_| StoreError::Key("the machine's random source failed".to_owned()))?;
        Ok(Self(bytes))
    }

    /// From its text form.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let decoded = Zeroizing::new(STANDARD.decode(text.trim()).ok()?);
        let mut bytes = Zeroizing::new([0; 32]);
        if decoded.len() != bytes.len() {
            return None;
        }
        bytes.copy_from_slice(&decoded);
        Some(Self(bytes))
    }

    fn load(file: &Path) -> Result<Option<Self>, StoreError> {
        let shown = file.display();
        let fault = |error: std::io::Error| StoreError::Key(format!("the master key {shown} cannot be read: {error}"));
        let mut opened = match std::fs::File::open(file) {
            Ok(opened) => opened,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fault(error)),
        };
        let mode = opened.metadata().map_err(fault)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(StoreError::Key(format!("others can read the master key {shown}; run: chmod 600 {shown}")));
        }
        let mut text = Zeroizing::new(String::new());
        opened.read_to_string(&mut text).map_err(fault)?;
        let key = Self::from_text(&text);
        key.map(Some).ok_or_else(|| StoreError::Key(format!("{shown} does not hold 32 bytes in base64")))
    }

    fn make(file: &Path) -> Result<Self, StoreError> {
        let fault = |error: std::io::Error| {
            StoreError::Key(format!("the master key {} cannot be made: {error}", file.display()))
        };
        let key = Self::generate()?;
        let mut text = Zeroizing::new(STANDARD.encode(key.0.as_ref()));
        text.push('\n');
        let mut draft = file.as_os_str().to_owned();
        draft.push(".new");
        let draft = Path::new(&draft);
        // What a crash left behind was never a key of anything.
        match std::fs::remove_file(draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(fault(error)),
            _ => {}
        }
        let mut made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft).map_err(fault)?;
        made.write_all(text.as_bytes()).and_then(|()| made.sync_all()).map_err(fault)?;
        // A link never replaces, and the file is whole from its first moment.
        std::fs::hard_link(draft, file).and_then(|()| std::fs::remove_file(draft)).map_err(fault)?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_private_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        let made = MasterKey::load_or_make(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(MasterKey::load_or_make(&file).unwrap().0, made.0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let refused = MasterKey::load_or_make(&file).unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
    }

    #[test]
    fn a_start_that_was_cut_off_while_it_made_the_key_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        std::fs::write(folder.path().join("master.key.new"), "half").unwrap();
        let made = MasterKey::load_or_make(&file).unwrap();
        assert_eq!(MasterKey::load_or_make(&file).unwrap().0, made.0);
    }

    #[test]
    fn a_damaged_file_is_named_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file).unwrap();
        assert!(MasterKey::load_or_make(&file).unwrap_err().to_string().contains("32 bytes"));
        assert_eq!(std::fs::read(&file).unwrap(), b"");
    }
}
