//! Associate, disassociate, revoke: what is checked before an event begins, in one fixed order — lists present, limits,
//! duplicates, then the assets themselves.

use super::errors::{ApiError, ErrorInfo};
use super::events::EventType;
use super::wire::{Assign, Assignment, Target};
use super::world::World;
use std::collections::HashSet;
use std::hash::Hash;

impl World {
    /// Checks a request and says which assignments it is about.
    pub(super) fn plan(&self, at: usize, kind: EventType, asked: &Assign) -> Result<Vec<Assignment>, ApiError> {
        let limits = &self.settings.limits;
        let revoke = kind == EventType::Revoke;
        if asked.assets.is_empty() && !revoke {
            return Err(ApiError::new(9718));
        }
        if asked.client_user_ids.is_empty() && asked.serial_numbers.is_empty() {
            return Err(ApiError::new(9719));
        }
        let (users, devices) = if revoke {
            (limits.max_revoke_client_user_ids, limits.max_revoke_serial_numbers)
        } else {
            (limits.max_client_user_ids, limits.max_serial_numbers)
        };
        for (number, length, limit) in [
            (9700, asked.assets.len(), limits.max_assets),
            (9701, asked.client_user_ids.len(), users),
            (9702, asked.serial_numbers.len(), devices),
        ] {
            if length > limit {
                return Err(ApiError::new(number));
            }
        }
        for (number, double) in [
            (9703, has_double(&asked.assets)),
            (9704, has_double(&asked.client_user_ids)),
            (9705, has_double(&asked.serial_numbers)),
        ] {
            if double {
                return Err(ApiError::new(number));
            }
        }
        if let Some(unknown) = asked.client_user_ids.first() {
            // The simulator has no users yet: none is registered.
            let info = ErrorInfo { client_user_ids: vec![unknown.clone()], ..ErrorInfo::default() };
            return Err(ApiError::new(9609).about(info));
        }
        let targets: Vec<Target> = asked
            .serial_numbers
            .iter()
            .map(|serial| Target::Device(normalized(serial)))
            .chain(asked.client_user_ids.iter().cloned().map(Target::User))
            .collect();
        if revoke {
            return Ok(self.everything_of(at, &targets));
        }
        self.check_assets(kind, asked)?;
        let pairs = asked.assets.iter().flat_map(|asset| targets.iter().map(move |target| (asset, target)));
        Ok(pairs.map(|(asset, target)| Assignment { asset: asset.clone(), target: target.clone() }).collect())
    }

    fn check_assets(&self, kind: EventType, asked: &Assign) -> Result<(), ApiError> {
        for asset in &asked.assets {
            let Some(product) = self.products.get(&asset.adam_id.0) else { continue };
            let info = || ErrorInfo { assets: vec![asset.clone()], ..ErrorInfo::default() };
            if kind == EventType::Disassociate && !product.revocable {
                return Err(ApiError::new(9706).about(info()));
            }
            if !asked.serial_numbers.is_empty() && !product.device_assignable {
                return Err(ApiError::new(9707).about(info()));
            }
        }
        Ok(())
    }

    /// Every assignment of these targets that can be taken back.
    fn everything_of(&self, at: usize, targets: &[Target]) -> Vec<Assignment> {
        let wanted: HashSet<&Target> = targets.iter().collect();
        let Some(location) = self.locations.get(at) else { return Vec::new() };
        let revocable =
            |item: &&Assignment| self.products.get(&item.asset.adam_id.0).is_none_or(|product| product.revocable);
        location.assignments.keys().filter(|item| wanted.contains(&item.target)).filter(revocable).cloned().collect()
    }
}

/// A serial number as it is kept: Apple's rules about case are not known; devices report capitals.
pub(super) fn normalized(serial: &str) -> String {
    serial.trim().to_ascii_uppercase()
}

fn has_double<T: Eq + Hash>(list: &[T]) -> bool {
    let mut seen = HashSet::new();
    list.iter().any(|each| !seen.insert(each))
}
