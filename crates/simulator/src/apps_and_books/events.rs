//! Asynchronous jobs: accepted at once, ended later on the simulation's clock, told about by notifications in parts of at
//! most 100 elements.

use super::errors::{ApiError, ErrorInfo};
use super::happening::What;
use super::settings::FaultKind;
use super::wire::{Assignment, Target};
use super::world::{Location, World};
use russet_protocol::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// A notification carries at most so many elements.
const PART: usize = 100;

/// What an event does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EventType {
    /// Gives licenses.
    Associate,
    /// Takes licenses back.
    Disassociate,
    /// Takes every license of its targets back.
    Revoke,
}

/// How far an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EventStatus {
    /// Not ended.
    Pending,
    /// Ended, every element done.
    Complete,
    /// Ended, some elements failed.
    Failed,
}

/// An event.
pub(super) struct Event {
    pub(super) kind: EventType,
    /// The path of the request that began it.
    pub(super) path: String,
    pub(super) work: Vec<Assignment>,
    /// The number with which the last so many elements fail, by a fault.
    spoilt: Option<(u16, usize)>,
    pub(super) ended: Option<Ended>,
}

/// How an event ended.
pub(super) struct Ended {
    pub(super) completed: usize,
    pub(super) failures: Vec<ApiError>,
}

/// A notification on its way to an MDM server.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) due_at: Timestamp,
    /// How often it was tried.
    pub(super) tried: u32,
    pub(super) u_id: String,
    pub(super) url: http::Uri,
    pub(super) auth_token: String,
    pub(super) notification_type: String,
    pub(super) body: Value,
}

impl Event {
    pub(super) fn status(&self) -> EventStatus {
        match &self.ended {
            None => EventStatus::Pending,
            Some(ended) if ended.failures.is_empty() => EventStatus::Complete,
            Some(_) => EventStatus::Failed,
        }
    }
}

impl World {
    /// Accepts a job and returns its event id.
    pub(super) fn begin(
        &mut self,
        at: usize,
        kind: EventType,
        path: &str,
        work: Vec<Assignment>,
        now: Timestamp,
    ) -> String {
        let u_id = self.locations.get(at).map(|location| location.u_id.clone());
        let fault = self.faults.strike(super::settings::Occasion::Event, path, u_id.as_deref());
        let (mut delay, mut spoilt) = (Some(self.settings.event_delay()), None);
        match fault {
            Some(FaultKind::EventFails { error_number, items }) => spoilt = Some((error_number, items)),
            Some(FaultKind::EventNeverEnds) => delay = None,
            Some(FaultKind::EventDelay { milliseconds }) => delay = Some(Duration::from_millis(milliseconds)),
            _ => {}
        }
        let id = uuid::Uuid::new_v4().to_string();
        if let Some(delay) = delay {
            self.due.insert((now.plus(delay), at, id.clone()));
        }
        let event = Event { kind, path: path.to_owned(), work, spoilt, ended: None };
        if let Some(location) = self.locations.get_mut(at) {
            location.count_begin(kind == EventType::Associate, &event.work);
            location.events.insert(id.clone(), event);
        }
        id
    }

    /// Ends an event: does its work and puts its notifications into the outbox.
    pub(super) fn end(&mut self, at: usize, id: &str, now: Timestamp) -> Option<(String, What)> {
        let location = self.locations.get_mut(at)?;
        let mut event = location.events.remove(id)?;
        let healthy = event.work.len() - event.spoilt.map_or(0, |(_, items)| items.min(event.work.len()));
        let (mut done, mut failed) = (Vec::new(), BTreeMap::<u16, Vec<Assignment>>::new());
        for (index, item) in event.work.iter().enumerate() {
            let outcome = match event.spoilt {
                Some((number, _)) if index >= healthy => Err(number),
                _ if event.kind == EventType::Associate => location.give(item, &self.settings, now),
                _ => location.take(item, &self.settings, now),
            };
            match outcome {
                Ok(()) => done.push(item.clone()),
                Err(number) => failed.entry(number).or_default().push(item.clone()),
            }
        }
        let failures = failed.iter().map(|(number, items)| ApiError::new(*number).about(concerned(items))).collect();
        event.ended = Some(Ended { completed: done.len(), failures });
        if event.kind == EventType::Associate {
            location.count_end(&event.work);
        }
        let u_id = location.u_id.clone();
        let what = What::EventEnded {
            event_id: id.to_owned(),
            event_type: event.kind,
            event_status: event.status(),
            completed: done.len(),
            requested: event.work.len(),
        };
        let mut told = tell(location, id, &event, &done, &failed, now);
        let fault = self.faults.strike(super::settings::Occasion::Notification, &event.path, Some(&u_id));
        location.events.insert(id.to_owned(), event);
        match fault {
            Some(FaultKind::NotificationLost) => told.clear(),
            Some(FaultKind::NotificationDoubled) => {
                told = told.into_iter().flat_map(|each| [each.clone(), each]).collect();
            }
            Some(FaultKind::NotificationLate { milliseconds }) => {
                told.iter_mut().for_each(|each| each.due_at = now.plus(Duration::from_millis(milliseconds)));
            }
            Some(FaultKind::NotificationReversed) => told.reverse(),
            _ => {}
        }
        self.outbox.extend(told);
        Some((u_id, what))
    }

    /// Adds licenses (a purchase, or a transfer to this location), or takes free ones away (a refund, or a transfer from
    /// it); true when the location has the asset now.
    pub(super) fn purchase(&mut self, at: usize, key: &super::wire::AssetRef, delta: i64, now: Timestamp) -> bool {
        if !self.products.contains_key(&key.adam_id.0) {
            return false;
        }
        let Some(location) = self.locations.get_mut(at) else { return false };
        let limited = || super::world::Asset { total: Some(0), ..Default::default() };
        let asset = location.assets.entry(key.clone()).or_insert_with(limited);
        let (in_use, Some(total)) = (asset.assigned + asset.retired, asset.total) else { return true };
        let wanted = total.saturating_add_signed(delta).max(in_use);
        let moved = i64::try_from(wanted).unwrap_or(0) - i64::try_from(total).unwrap_or(0);
        asset.total = Some(wanted);
        location.asset_version += 1;
        let told = json!({ "adamId": key.adam_id.to_string(), "pricingParam": key.pricing_param, "countDelta": moved });
        let outgoing = location.notification("ASSET_COUNT", &told, now);
        self.outbox.extend(outgoing);
        true
    }
}

impl Location {
    /// A notification, if the MDM server wants this type.
    pub(super) fn notification(&self, notification_type: &str, told: &Value, now: Timestamp) -> Option<Outgoing> {
        let webhook = self.wants(notification_type)?;
        Some(Outgoing {
            due_at: now,
            tried: 0,
            u_id: self.u_id.clone(),
            url: webhook.url.clone(),
            auth_token: webhook.auth_token.clone(),
            notification_type: notification_type.to_owned(),
            body: envelope(notification_type, &self.u_id, told),
        })
    }
}

/// The envelope of every notification.
pub(super) fn envelope(notification_type: &str, u_id: &str, told: &Value) -> Value {
    json!({
        "notification": told,
        "notificationId": uuid::Uuid::new_v4().to_string(),
        "notificationType": notification_type,
        "uId": u_id,
    })
}

/// The notifications about an event: the elements that were done, then those that failed, in parts.
fn tell(
    location: &Location,
    id: &str,
    event: &Event,
    done: &[Assignment],
    failed: &BTreeMap<u16, Vec<Assignment>>,
    now: Timestamp,
) -> Vec<Outgoing> {
    let mut told = Vec::new();
    for part in done.chunks(PART) {
        told.push(json!({ "type": event.kind, "result": "SUCCESS", "eventId": id, "assignments": part }));
    }
    for (number, items) in failed {
        for part in items.chunks(PART) {
            let error = ApiError::new(*number);
            told.push(json!({
                "type": event.kind, "result": "FAILURE", "eventId": id, "assignments": part, "error": error,
            }));
        }
    }
    told.into_iter().filter_map(|each| location.notification("ASSET_MANAGEMENT", &each, now)).collect()
}

fn concerned(items: &[Assignment]) -> ErrorInfo {
    let mut info = ErrorInfo::default();
    for item in items {
        info.assets.push(item.asset.clone());
        match &item.target {
            Target::Device(serial) => info.serial_numbers.push(serial.clone()),
            Target::User(user) => info.client_user_ids.push(user.clone()),
        }
    }
    info.assets.sort();
    info.assets.dedup();
    info.serial_numbers.sort();
    info.serial_numbers.dedup();
    info.client_user_ids.sort();
    info.client_user_ids.dedup();
    info
}
