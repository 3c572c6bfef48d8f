//! What came of the commands that the planner's notes still hold as open.

use super::error::AppsError;
use super::facts::Case;
use crate::commands::{self, OutcomeState};
use crate::ids::DeviceId;
use russet_planner::errors::{DeviceError, ErrorItem};
use russet_planner::memory::Outcome;
use russet_protocol::{CommandUuid, Timestamp};
use russet_store::Tx;
use std::collections::{BTreeMap, BTreeSet};

/// Fills them in for a batch.
pub(super) async fn fill(tx: &mut dyn Tx, cases: &mut [Case]) -> Result<(), AppsError> {
    let mut asked = Vec::new();
    for case in &mut *cases {
        each_open(case, |uuid, _, _| asked.push(uuid.clone()));
    }
    // First what is open, then what has ended: a command that ends in between is in both, not in neither.
    let unanswered: Vec<DeviceId> = cases.iter().map(|case| case.device.id).collect();
    let open: BTreeSet<String> = commands::open_of_devices(tx, &unanswered)
        .await?
        .into_iter()
        .map(|open| open.uuid.as_str().to_owned())
        .collect();
    let ended: BTreeMap<String, Outcome> = commands::outcomes(tx, &asked)
        .await?
        .into_iter()
        .map(|ended| (ended.uuid.as_str().to_owned(), read(ended)))
        .collect();
    for case in cases {
        each_open(case, |uuid, outcome, at| {
            if let Some(ended) = ended.get(uuid.as_str()) {
                *outcome = ended.clone();
            } else if !open.contains(uuid.as_str()) {
                // Neither open nor in the history: forgotten by both, so nobody will ever answer it.
                *outcome = Outcome::Dropped { at };
            }
        });
    }
    Ok(())
}

fn each_open(case: &mut Case, mut look: impl FnMut(&CommandUuid, &mut Outcome, Timestamp)) {
    for app in &mut case.facts.apps {
        let memory = &mut app.memory;
        if let Some(sent) = memory.install.as_mut().filter(|sent| sent.is_open()) {
            look(&sent.command, &mut sent.outcome, sent.at);
        }
        if let Some(sent) = memory.attributes.as_mut().filter(|sent| sent.is_open()) {
            look(&sent.command, &mut sent.outcome, sent.at);
        }
        if let Some(sent) = memory.removal.as_mut().filter(|sent| sent.is_open()) {
            look(&sent.command, &mut sent.outcome, sent.at);
        }
    }
    if let Some(sent) = case.facts.memory.listing.as_mut().filter(|sent| sent.is_open()) {
        look(&sent.command, &mut sent.outcome, sent.at);
    }
}

fn read(ended: commands::Outcome) -> Outcome {
    let at = ended.ended_at;
    match ended.state {
        OutcomeState::Done => Outcome::Accepted { at },
        OutcomeState::Dropped | OutcomeState::Expired => Outcome::Dropped { at },
        OutcomeState::Failed => {
            let mut chain: Vec<ErrorItem> = ended
                .error_chain
                .into_iter()
                .map(|item| ErrorItem {
                    domain: item.domain,
                    number: item.code,
                    text: item.english.unwrap_or(item.localized),
                })
                .collect();
            if let (true, None, Some(reason)) = (chain.is_empty(), &ended.rejection, ended.reason) {
                chain.push(ErrorItem { domain: "Russet".to_owned(), number: 0, text: reason });
            }
            Outcome::Refused { at, error: DeviceError { chain, rejection: ended.rejection } }
        }
    }
}
