//! Seeds are made, not kept: those of CMS and SCEP are signed with keys that live as long as the process.

use std::path::Path;

/// Writes the seeds of a target where libFuzzer will look for them: the folder named by `RUSSET_FUZZ_SEEDS`. Without it
/// the target begins with nothing, as `cargo fuzz run` does.
pub(crate) fn write(target: &str, seeds: &[Vec<u8>]) {
    let Some(folder) = std::env::var_os("RUSSET_FUZZ_SEEDS") else { return };
    let folder = Path::new(&folder).join(target);
    let written = std::fs::create_dir_all(&folder).and_then(|()| {
        seeds.iter().enumerate().try_for_each(|(number, seed)| std::fs::write(folder.join(format!("{number:03}")), seed))
    });
    if let Err(error) = written {
        eprintln!("the seeds of {target} cannot be written to {}: {error}", folder.display());
        std::process::exit(1);
    }
}
