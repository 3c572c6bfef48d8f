//! Counts a property list through the parser's own eyes, so that guard and parser can never disagree about what the
//! bytes mean. Builds nothing: what it sees is dropped at once.

use super::{Limits, PlistRefused};
use serde::de::{self, Deserialize, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

struct Budget {
    limits: Limits,
    depth: usize,
    nodes: usize,
    bytes: usize,
    top_keys: BTreeSet<String>,
    refused: Option<PlistRefused>,
}

thread_local! {
    // The parser makes values of a type of its own choosing, so the budget cannot travel as an argument.
    static BUDGET: RefCell<Option<Budget>> = const { RefCell::new(None) };
}

/// Runs `parse` over a fresh budget.
pub(super) fn measure(
    limits: Limits,
    parse: impl FnOnce() -> Result<Measured, plist::Error>,
) -> Result<(), PlistRefused> {
    let fresh = Budget { limits, depth: 0, nodes: 0, bytes: 0, top_keys: BTreeSet::new(), refused: None };
    BUDGET.with_borrow_mut(|budget| *budget = Some(fresh));
    let outcome = parse();
    let refused = BUDGET.with_borrow_mut(Option::take).and_then(|budget| budget.refused);
    match (refused, outcome) {
        (Some(refused), _) => Err(refused),
        (None, Err(error)) => Err(PlistRefused::Malformed { reason: super::excerpt(&error.to_string()) }),
        (None, Ok(Measured)) => Ok(()),
    }
}

fn spend<E: de::Error>(change: impl FnOnce(&mut Budget) -> Result<(), PlistRefused>) -> Result<(), E> {
    BUDGET.with_borrow_mut(|budget| {
        let Some(budget) = budget else { return Err(E::custom("no budget")) };
        change(budget).map_err(|refused| {
            budget.refused = Some(refused);
            E::custom("over the limit")
        })
    })
}

fn value<E: de::Error>(bytes: usize) -> Result<(), E> {
    spend(|budget| {
        budget.nodes += 1;
        budget.bytes = budget.bytes.saturating_add(bytes);
        if budget.nodes > budget.limits.nodes {
            return Err(PlistRefused::TooManyNodes { limit: budget.limits.nodes });
        }
        if budget.bytes > budget.limits.expanded_bytes {
            return Err(PlistRefused::ExpandsTooFar { limit: budget.limits.expanded_bytes });
        }
        Ok(())
    })
}

fn enter<E: de::Error>() -> Result<(), E> {
    value(0)?;
    spend(|budget| {
        budget.depth += 1;
        if budget.depth > budget.limits.depth {
            return Err(PlistRefused::TooDeep { limit: budget.limits.depth });
        }
        Ok(())
    })
}

fn leave() {
    BUDGET.with_borrow_mut(|budget| {
        if let Some(budget) = budget {
            budget.depth = budget.depth.saturating_sub(1);
        }
    });
}

fn key<E: de::Error>(text: String) -> Result<(), E> {
    value(text.len())?;
    spend(|budget| {
        if budget.depth != 1 {
            return Ok(());
        }
        // Every key, however many stand before it: a second UDID behind a thousand others would be another device's.
        if budget.top_keys.contains(&text) {
            return Err(PlistRefused::DuplicateKey { key: super::excerpt(&text) });
        }
        budget.top_keys.insert(text);
        Ok(())
    })
}

/// A value that was counted and dropped.
pub(super) struct Measured;

impl<'de> Deserialize<'de> for Measured {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Meter)
    }
}

struct Meter;

impl<'de> Visitor<'de> for Meter {
    type Value = Measured;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a property list value")
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Measured, E> {
        value(0).map(|()| Measured)
    }
    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Measured, E> {
        value(0).map(|()| Measured)
    }
    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Measured, E> {
        value(0).map(|()| Measured)
    }
    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Measured, E> {
        value(0).map(|()| Measured)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Measured, E> {
        value(text.len()).map(|()| Measured)
    }
    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Measured, E> {
        value(bytes.len()).map(|()| Measured)
    }
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Measured, A::Error> {
        let (_, variant) = access.variant::<Measured>()?;
        variant.newtype_variant::<Measured>()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Measured, A::Error> {
        enter()?;
        while access.next_element::<Measured>()?.is_some() {}
        leave();
        Ok(Measured)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Measured, A::Error> {
        enter()?;
        while let Some(text) = access.next_key::<String>()? {
            key(text)?;
            access.next_value::<Measured>()?;
        }
        leave();
        Ok(Measured)
    }
}
