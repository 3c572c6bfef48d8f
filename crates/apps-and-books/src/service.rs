//! `GET /service/config`: Apple's live limits and addresses. They change without notice and are read again every few minutes.

use serde_json::Value;

/// Limits of one call. Where Apple's answer lacks one, or gives an absurd one, the documented value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Assets of one associate or disassociate.
    pub assets: usize,
    /// Devices of one associate or disassociate.
    pub serial_numbers: usize,
    /// Requests a second with one token, from everywhere together.
    pub requests_per_second: usize,
}

impl Default for Limits {
    /// The documented values.
    fn default() -> Self {
        Self { assets: 25, serial_numbers: 1000, requests_per_second: 15 }
    }
}

/// What `service/config` says, as far as it is used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceConfig {
    /// The limits.
    pub limits: Limits,
    /// `contentMetadataLookup`: where the metadata lookup is.
    pub metadata_lookup: Option<String>,
}

impl ServiceConfig {
    pub(crate) fn read(body: &Value, before: Limits) -> Self {
        let limit = |key: &str, before: usize, most: usize| {
            let number = body.get("limits").and_then(|limits| limits.get(key)).and_then(Value::as_u64);
            let number = number.and_then(|number| usize::try_from(number).ok());
            number.filter(|number| (1..=most).contains(number)).unwrap_or(before)
        };
        let lookup = body.get("urls").and_then(|urls| urls.get("contentMetadataLookup")).and_then(Value::as_str);
        Self {
            limits: Limits {
                assets: limit("maxAssets", before.assets, 10_000),
                serial_numbers: limit("maxSerialNumbers", before.serial_numbers, 100_000),
                requests_per_second: limit("maxRequestPerSecond", before.requests_per_second, 10_000),
            },
            metadata_lookup: lookup.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn absurd_limits_leave_the_last_good_value() {
        let body =
            json!({"limits": {"maxAssets": 0, "maxSerialNumbers": 50, "maxRequestPerSecond": "many"}, "urls": {}});
        let before = Limits { assets: 20, ..Limits::default() };
        let limits = ServiceConfig::read(&body, before).limits;
        assert_eq!(limits, Limits { assets: 20, serial_numbers: 50, requests_per_second: 15 });
    }
}
