//! What the simulated service knows: the store's products, the locations with their licenses, what is under way. All of it
//! lies under one lock that is never held across a wait.

use super::catalogue::{LocationSetup, Product};
use super::errors::ApiError;
use super::events::{Event, Outgoing};
use super::history::Calls;
use super::settings::{Faults, Settings};
use super::token::Token;
use super::wire::{AssetRef, Assignment, MdmInfo};
use crate::StartError;
use russet_protocol::{AdamId, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

/// A token is valid for a year.
const TOKEN_LIFE: Duration = Duration::from_secs(365 * 24 * 3600);
/// `totalCount` of a product without a limit.
pub(super) const UNLIMITED: u64 = 2_147_483_647;

/// Everything.
#[derive(Default)]
pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) faults: Faults,
    pub(super) products: BTreeMap<u64, Product>,
    pub(super) locations: Vec<Location>,
    /// Events that are to end, by the moment: location and event id.
    pub(super) due: BTreeSet<(Timestamp, usize, String)>,
    /// Notifications that are to be sent.
    pub(super) outbox: Vec<Outgoing>,
}

/// A location.
pub(super) struct Location {
    pub(super) u_id: String,
    pub(super) name: String,
    pub(super) organization: String,
    pub(super) country: String,
    pub(super) education: bool,
    pub(super) tokens: Vec<Token>,
    pub(super) mdm_info: Option<MdmInfo>,
    pub(super) webhook: Option<Webhook>,
    pub(super) assets: BTreeMap<AssetRef, Asset>,
    pub(super) assignments: BTreeMap<Assignment, Held>,
    /// What was asked for since the start, whether it is held or not.
    pub(super) calls: BTreeMap<Assignment, Calls>,
    pub(super) events: HashMap<String, Event>,
    pub(super) asset_version: u64,
    pub(super) assignment_version: u64,
    /// Real times of the requests of the last second.
    recent: VecDeque<Instant>,
}

/// What an MDM server wants to be told, and where.
#[derive(Clone)]
pub(super) struct Webhook {
    pub(super) url: http::Uri,
    pub(super) auth_token: String,
    pub(super) types: Vec<String>,
}

/// Licenses of one asset.
#[derive(Default)]
pub(super) struct Asset {
    /// Licenses held; `None` without a limit.
    pub(super) total: Option<u64>,
    pub(super) assigned: u64,
    pub(super) retired: u64,
    /// Licenses taken back that are not free yet, by the moment they will be.
    pub(super) returning: Vec<Timestamp>,
}

/// Counts of an asset; they always add up.
pub(super) struct Counts {
    pub(super) total: u64,
    pub(super) assigned: u64,
    pub(super) available: u64,
    pub(super) retired: u64,
}

/// How an assignment is held.
pub(super) struct Held {
    /// The collection's version at which it came.
    pub(super) changed: u64,
    /// From when on the store sees it.
    pub(super) visible_at: Timestamp,
}

impl Asset {
    pub(super) fn counts(&self, now: Timestamp) -> Counts {
        let total = self.total.unwrap_or(UNLIMITED);
        let returning = self.returning.iter().filter(|free_at| **free_at > now).count() as u64;
        // A license on its way back still counts as given.
        let assigned = self.assigned + returning;
        let available = total.saturating_sub(assigned + self.retired);
        Counts { total, assigned, available, retired: self.retired }
    }
}

impl Location {
    /// Makes a location.
    pub(super) fn new(
        setup: LocationSetup,
        products: &BTreeMap<u64, Product>,
        now: Timestamp,
    ) -> Result<Self, StartError> {
        let wrong = |problem: String| StartError::Location { location: setup.name.clone(), problem };
        let organization = setup.organization.clone().unwrap_or_else(|| setup.name.clone());
        let token = match &setup.vpptoken {
            Some(text) => Token::read(text).map_err(wrong)?,
            None => Token::make(&organization, now.plus(TOKEN_LIFE), false),
        };
        let mut assets = BTreeMap::new();
        for holding in &setup.holdings {
            if !products.contains_key(&holding.adam_id) {
                return Err(wrong(format!("the store has no product {}", holding.adam_id)));
            }
            let key = AssetRef { adam_id: AdamId(holding.adam_id), pricing_param: holding.pricing_param };
            assets.insert(key, Asset { total: holding.quantity.map(u64::from), ..Asset::default() });
        }
        let u_id = setup.u_id.unwrap_or_else(|| uuid::Uuid::new_v4().as_u128().to_string()[..16].to_owned());
        Ok(Self {
            u_id,
            name: setup.name,
            organization,
            country: setup.country,
            education: setup.education,
            tokens: vec![token],
            mdm_info: None,
            webhook: None,
            assets,
            assignments: BTreeMap::new(),
            calls: BTreeMap::new(),
            events: HashMap::new(),
            asset_version: 1,
            assignment_version: 1,
            recent: VecDeque::new(),
        })
    }

    /// Counts a request; false when there were too many within a second of real time.
    pub(super) fn admit(&mut self, limit: usize) -> bool {
        let now = Instant::now();
        while self.recent.front().is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(1)) {
            self.recent.pop_front();
        }
        if self.recent.len() >= limit {
            return false;
        }
        self.recent.push_back(now);
        true
    }

    /// Makes another token; the ones before stay valid.
    pub(super) fn issue_token(&mut self, now: Timestamp, valid_for: Option<Duration>, read_only: bool) -> String {
        let token = Token::make(&self.organization, now.plus(valid_for.unwrap_or(TOKEN_LIFE)), read_only);
        self.tokens.push(token.clone());
        token.text
    }

    /// The newest token that is not revoked.
    pub(super) fn token(&self) -> Option<&Token> {
        self.tokens.iter().rev().find(|token| !token.revoked)
    }

    /// Whether the MDM server wants notifications of this type.
    pub(super) fn wants(&self, notification_type: &str) -> Option<&Webhook> {
        self.webhook.as_ref().filter(|webhook| webhook.types.iter().any(|wanted| wanted == notification_type))
    }

    /// Gives a license. An assignment that already holds takes no second one.
    pub(super) fn give(&mut self, item: &Assignment, settings: &Settings, now: Timestamp) -> Result<(), u16> {
        if self.assignments.contains_key(item) {
            return if settings.repeats_fail { Err(9616) } else { Ok(()) };
        }
        let asset = self.assets.get_mut(&item.asset).ok_or(9709_u16)?;
        asset.returning.retain(|free_at| *free_at > now);
        if asset.counts(now).available == 0 {
            return Err(9709);
        }
        asset.assigned += 1;
        self.asset_version += 1;
        self.assignment_version += 1;
        let held = Held { changed: self.assignment_version, visible_at: now.plus(settings.visibility_delay()) };
        self.assignments.insert(item.clone(), held);
        self.calls.entry(item.clone()).or_default().given += 1;
        Ok(())
    }

    /// Takes a license back.
    pub(super) fn take(&mut self, item: &Assignment, settings: &Settings, now: Timestamp) -> Result<(), u16> {
        if self.assignments.remove(item).is_none() {
            return if settings.repeats_fail { Err(9619) } else { Ok(()) };
        }
        self.calls.entry(item.clone()).or_default().taken += 1;
        if let Some(asset) = self.assets.get_mut(&item.asset) {
            asset.assigned = asset.assigned.saturating_sub(1);
            if settings.release_delay_millis > 0 {
                asset.returning.push(now.plus(settings.release_delay()));
            }
        }
        self.asset_version += 1;
        self.assignment_version += 1;
        Ok(())
    }
}

impl World {
    /// A world in which nothing has happened yet.
    pub(super) fn new(
        settings: Settings,
        products: Vec<Product>,
        locations: Vec<LocationSetup>,
        now: Timestamp,
    ) -> Result<Self, StartError> {
        let products: BTreeMap<u64, Product> = products.into_iter().map(|product| (product.adam_id, product)).collect();
        let locations = locations.into_iter().map(|setup| Location::new(setup, &products, now));
        let locations = locations.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { settings, products, locations, ..Self::default() })
    }

    /// The location whose token this bearer value is, and the token.
    pub(super) fn by_bearer(&self, bearer: &str) -> Option<(usize, &Token)> {
        self.locations.iter().enumerate().find_map(|(at, location)| {
            let token = location.tokens.iter().find(|token| token.text == bearer)?;
            Some((at, token))
        })
    }

    /// The location at this place.
    pub(super) fn location(&self, at: usize) -> Result<&Location, ApiError> {
        self.locations.get(at).ok_or_else(|| ApiError::new(9603))
    }

    /// The location at this place, to change it.
    pub(super) fn location_mut(&mut self, at: usize) -> Result<&mut Location, ApiError> {
        self.locations.get_mut(at).ok_or_else(|| ApiError::new(9603))
    }

    /// Changes the `versionId` of a location's collections, as if somebody else had written.
    pub(super) fn touch(&mut self, at: usize) {
        if let Some(location) = self.locations.get_mut(at) {
            location.asset_version += 1;
            location.assignment_version += 1;
        }
    }

    /// The location with this `uId` or name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.locations.iter().position(|location| location.u_id == name || location.name == name)
    }
}
