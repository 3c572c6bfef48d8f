//! The data folder and the master key in it.

use super::StartError;
use crate::config::MasterKeySource;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use russet_store::MasterKey;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// Makes the data folder where it is missing, for this user alone.
pub(super) fn prepare(folder: &Path) -> Result<(), StartError> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|source| StartError::File {
        path: folder.to_owned(),
        action: "made",
        source,
    })
}

/// The master key: given, or of a file that is made at the first start; and that file, where this start made it.
pub(super) fn master_key(source: &MasterKeySource) -> Result<(MasterKey, Option<&Path>), StartError> {
    match source {
        MasterKeySource::Given(bytes) => {
            let text = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
            MasterKey::from_text(&text).map(|key| (key, None)).ok_or(StartError::Key)
        }
        MasterKeySource::File(file) => {
            if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                prepare(folder)?;
            }
            let made = !file.exists();
            Ok((MasterKey::load_or_make(file)?, made.then_some(file.as_path())))
        }
    }
}

/// Reads a file of ours; none where there is none.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, StartError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StartError::File { path: path.to_owned(), action: "read", source }),
    }
}

/// Replaces a file as a whole, so that a reader sees the old or the new one, with this mode from its first moment.
pub(super) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StartError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let fault = |source| StartError::File { path: path.to_owned(), action: "written", source };
    let write = || {
        // What a crash left behind may have another mode: begin anew.
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().map_err(fault)
}
