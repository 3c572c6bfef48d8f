//! What Apple's records say about some licenses right now: read before anything is decided about a call with an unclear end.

use super::desk::{Desk, Halt};
use crate::licenses::store::Key;
use russet_apps_and_books::{AssetKey, Filter, Target};
use russet_protocol::SerialNumber;
use std::collections::{BTreeMap, BTreeSet};

/// Up to so many licenses of one asset are asked for one by one; more are found in the asset's whole list.
const ONE_BY_ONE: usize = 5;
const TRIES: u32 = 3;

/// Those of the licenses that are assigned. Where an asset's list would not stand still, what is missing in it is left out of
/// the second set: the licenses about which the answer is certain.
pub(super) struct Read {
    pub(super) assigned: BTreeSet<Key>,
    pub(super) certain: BTreeSet<Key>,
}

pub(super) async fn read(desk: &Desk<'_>, keys: &[Key]) -> Result<Read, Halt> {
    let mut by_asset: BTreeMap<AssetKey, Vec<&Key>> = BTreeMap::new();
    for key in keys {
        let asset = AssetKey { adam_id: key.adam, pricing_param: key.pricing };
        by_asset.entry(asset).or_default().push(key);
    }
    let mut read = Read { assigned: BTreeSet::new(), certain: BTreeSet::new() };
    for (asset, keys) in by_asset {
        if keys.len() <= ONE_BY_ONE {
            for key in keys {
                let target = Some(Target::Device(key.serial.to_string()));
                let (found, _) = list(desk, &Filter { asset: Some(asset), target }).await?;
                if found.contains(key.serial.as_str()) {
                    read.assigned.insert(key.clone());
                }
                read.certain.insert(key.clone());
            }
            continue;
        }
        let filter = Filter { asset: Some(asset), target: None };
        let (mut found, mut steady) = (BTreeSet::new(), false);
        for _ in 0..TRIES {
            let (more, stood_still) = list(desk, &filter).await?;
            found.extend(more);
            steady = stood_still;
            if steady {
                break;
            }
        }
        for key in keys {
            let assigned = found.contains(key.serial.as_str());
            if assigned {
                read.assigned.insert(key.clone());
            }
            if assigned || steady {
                read.certain.insert(key.clone());
            }
        }
    }
    Ok(read)
}

/// The serial numbers of a list, and whether it stood still.
async fn list(desk: &Desk<'_>, filter: &Filter) -> Result<(BTreeSet<String>, bool), Halt> {
    let mut serials = BTreeSet::new();
    let mut walk = desk.client()?.assignments(filter);
    while let Some(records) = desk.ask(walk.more()).await? {
        desk.heard(walk.trailer())?;
        // The filter is repeated here: older servers do not know all of its parts.
        let wanted = |asset: &AssetKey| filter.asset.as_ref().is_none_or(|filter| filter == asset);
        serials.extend(records.into_iter().filter(|item| wanted(&item.asset)).filter_map(|item| match item.target {
            Target::Device(serial) => SerialNumber::normalized(&serial).ok().map(String::from),
            Target::User(_) => None,
        }));
    }
    Ok((serials, walk.is_steady()))
}
