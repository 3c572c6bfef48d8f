//! What Apple itself would know about each license and device: whether it is held, whether the store sees it, and how
//! often an MDM server asked for it. Read by tests and by people who want to see that nothing was asked for twice.

use super::wire::{Assignment, Target};
use super::world::{Location, World};
use russet_protocol::{AdamId, PricingParam, Timestamp};
use serde::Serialize;

/// How often an assignment was asked for and taken back, since the start.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Calls {
    pub(super) associations: u64,
    pub(super) repeated: u64,
    pub(super) given: u64,
    pub(super) disassociations: u64,
    pub(super) taken: u64,
    /// Events that are to give it and have not ended.
    pub(super) under_way: u64,
}

/// The truth about one license and one device (or person).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentTruth {
    /// The location's `uId`.
    pub location: String,
    /// The product.
    pub adam_id: AdamId,
    /// The quality.
    pub pricing_param: PricingParam,
    /// The device, where a device is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// The person, where a person is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_user_id: Option<String>,
    /// Whether the license is held now.
    pub held: bool,
    /// Whether the store sees it by now.
    pub visible: bool,
    /// How many accepted `assets/associate` requests named it.
    pub associate_calls: u64,
    /// How many of those came while it was held already, or while another one for it had not ended: duplicates.
    pub repeated_associate_calls: u64,
    /// How often the license really was given.
    pub times_given: u64,
    /// How many accepted `assets/disassociate` and `assets/revoke` requests named it.
    pub disassociate_calls: u64,
    /// How often the license really was taken back.
    pub times_taken: u64,
}

impl Location {
    /// Counts what a job that begins asks for.
    pub(super) fn count_begin(&mut self, associates: bool, work: &[Assignment]) {
        for item in work {
            let held = self.assignments.contains_key(item);
            let calls = self.calls.entry(item.clone()).or_default();
            if !associates {
                calls.disassociations += 1;
                continue;
            }
            calls.associations += 1;
            calls.repeated += u64::from(held || calls.under_way > 0);
            calls.under_way += 1;
        }
    }

    /// Counts that a job that was to give licenses has ended.
    pub(super) fn count_end(&mut self, work: &[Assignment]) {
        for item in work {
            if let Some(calls) = self.calls.get_mut(item) {
                calls.under_way = calls.under_way.saturating_sub(1);
            }
        }
    }
}

impl World {
    /// The truth about every license that was ever asked for, in a stable order.
    pub(super) fn truth(&self, now: Timestamp) -> Vec<AssignmentTruth> {
        let of_location = |location: &Location| -> Vec<AssignmentTruth> {
            let row = |(item, calls): (&Assignment, &Calls)| {
                let held = location.assignments.get(item);
                let (serial_number, client_user_id) = match &item.target {
                    Target::Device(serial) => (Some(serial.clone()), None),
                    Target::User(user) => (None, Some(user.clone())),
                };
                AssignmentTruth {
                    location: location.u_id.clone(),
                    adam_id: item.asset.adam_id,
                    pricing_param: item.asset.pricing_param,
                    serial_number,
                    client_user_id,
                    held: held.is_some(),
                    visible: held.is_some_and(|held| held.visible_at <= now),
                    associate_calls: calls.associations,
                    repeated_associate_calls: calls.repeated,
                    times_given: calls.given,
                    disassociate_calls: calls.disassociations,
                    times_taken: calls.taken,
                }
            };
            location.calls.iter().map(row).collect()
        };
        self.locations.iter().flat_map(of_location).collect()
    }

    /// Whether the store sees a license of this product for this device now.
    pub(super) fn licensed(&self, adam_id: u64, serial: &str, now: Timestamp) -> bool {
        let target = Target::Device(super::licensing::normalized(serial));
        self.locations
            .iter()
            .flat_map(|location| &location.assignments)
            .any(|(item, held)| item.asset.adam_id.0 == adam_id && item.target == target && held.visible_at <= now)
    }
}
