//! The first admin API token: made once for an installation, shown once or written to a file that its owner alone can read.

use super::{Options, StartError, folder};
use crate::access::{self, Made, Role};
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

/// Makes the first token of a new installation, or another one where that was asked for. A token for a file is in the file
/// before it counts, so that a crash in between loses none.
pub(super) async fn first(ctx: &Context, options: &Options) -> Result<Option<FirstToken>, StartError> {
    let keep = |made: &Made| match &options.token_file {
        Some(file) => folder::replace(file, format!("{}\n", made.text.as_str()).as_bytes(), 0o600),
        None => Ok(()),
    };
    let made = match access::create_first(ctx, keep).await? {
        None if options.new_token => {
            let made = access::create(ctx, "made at start", Role::Admin, None).await?;
            keep(&made)?;
            Some(made)
        }
        made => made,
    };
    Ok(made.map(|made| match &options.token_file {
        Some(file) => FirstToken::Written(file.clone()),
        None => FirstToken::Shown(made.text),
    }))
}
