//! The first admin API token: made once for an installation, shown once or written to a file that its owner alone can read.

use super::{Options, StartError, folder};
use crate::access;
use crate::context::Context;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// The token that a start made.
pub enum FirstToken {
    /// Its text: to be shown once, and not to be kept.
    Shown(Zeroizing<String>),
    /// The file that holds it.
    Written(PathBuf),
}

/// Makes the first token of a new installation, or another one where that was asked for.
pub(super) async fn first(ctx: &Context, options: &Options) -> Result<Option<FirstToken>, StartError> {
    let Some(file) = &options.token_file else {
        return Ok(make(ctx, options.new_token).await?.map(|made| FirstToken::Shown(made.text)));
    };
    // A path that cannot be written must show before there is a token to lose.
    let mut probe = file.as_os_str().to_owned();
    probe.push(".probe");
    let probe = PathBuf::from(probe);
    folder::replace(&probe, b"", 0o600).map_err(|error| match error {
        StartError::File { action, source, .. } => StartError::File { path: file.clone(), action, source },
        other => other,
    })?;
    // Left behind it would do no harm.
    let _ = std::fs::remove_file(&probe);
    let Some(made) = make(ctx, options.new_token).await? else { return Ok(None) };
    let line = Zeroizing::new(format!("{}\n", made.text.as_str()));
    folder::replace(file, line.as_bytes(), 0o600)?;
    Ok(Some(FirstToken::Written(file.clone())))
}

async fn make(ctx: &Context, another: bool) -> Result<Option<access::Made>, StartError> {
    match access::create_first(ctx).await? {
        None if another => Ok(Some(access::create(ctx, "made at start", None).await?)),
        made => Ok(made),
    }
}
