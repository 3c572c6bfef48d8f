//! Media types of device management, compared as types: Apple sends parameters (`; charset=UTF-8`), so a header is never
//! compared as a whole string.

/// Check-in messages. Source: Apple docs, Check-in.
pub const CHECK_IN: &str = "application/x-apple-aspen-mdm-checkin";
/// Command results. Source: Apple docs, Sending MDM commands to a device.
pub const MDM: &str = "application/x-apple-aspen-mdm";
/// Configuration profiles.
pub const PROFILE: &str = "application/x-apple-aspen-config";
/// What the server answers with, as Apple shows it.
pub const XML: &str = "application/xml; charset=UTF-8";

/// Whether a `Content-Type` header names this media type, whatever its parameters and letter case.
#[must_use]
pub fn is(header: &str, media_type: &str) -> bool {
    header.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_do_not_matter() {
        assert!(is("application/x-apple-aspen-mdm-checkin; charset=UTF-8", CHECK_IN));
        assert!(is(" Application/X-Apple-Aspen-MDM ", MDM));
        assert!(!is("application/x-apple-aspen-mdm-checkin", MDM));
        assert!(!is("", MDM));
    }
}
