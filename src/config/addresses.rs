//! Ranges of addresses, as `10.0.0.0/8`: who is a proxy of ours.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// An address, or all that share its first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    /// As IPv6, where an IPv4 address stands mapped.
    network: u128,
    /// How many of the 128 bits count.
    bits: u32,
}

impl AddressRange {
    /// Reads an address, or an address and the count of its bits that matter.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let problem = || format!("{text:?} is no address; write 10.0.0.5, 10.0.0.0/8 or fd00::/8");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| problem())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| problem())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most {
            return Err(problem());
        }
        let range = Self { network: number(address), bits: bits + 128 - most };
        if range.network & !range.mask() != 0 {
            return Err(format!("{text:?} has bits beyond its first {bits}: is that a slip of the pen?"));
        }
        Ok(range)
    }

    /// Whether an address is one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        number(address) & self.mask() == self.network
    }

    fn mask(&self) -> u128 {
        u128::MAX.checked_shl(128 - self.bits).unwrap_or(0)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv6Addr::from(self.network).to_canonical(), self.bits)
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Several of them, separated by commas.
pub(super) fn list(text: &str) -> Result<Vec<AddressRange>, String> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(AddressRange::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_its_addresses_and_no_others() {
        let holds = |range: &str, address: &str| AddressRange::parse(range).unwrap().contains(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.1.2") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("10.0.0.5", "10.0.0.5") && !holds("10.0.0.5", "10.0.0.6"));
        assert!(holds("10.0.0.5", "::ffff:10.0.0.5"), "the same host on a socket of both kinds");
        assert!(holds("fd00::/8", "fd12::1") && !holds("fd00::/8", "fe80::1"));
        assert!(holds("0.0.0.0/0", "192.0.2.1") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("::/0", "192.0.2.1"));
        for wrong in ["10.0.0.0/33", "10.0.0.1/8", "proxy", "", "10.0.0.0/x", "::1/129"] {
            assert!(AddressRange::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(list("127.0.0.1, ::1").unwrap().len(), 2);
    }
}
