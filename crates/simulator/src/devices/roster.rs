//! Invents devices: serial numbers, UDIDs, models, names. The same seed and number always give the same device.
//! Nothing here comes from a real device.

use super::misbehave::Way;
use super::options::{IdentityStyle, Options};
use russet_protocol::Platform;

/// What a device is made of and never changes.
#[derive(Debug, Clone)]
pub(super) struct Hardware {
    pub(super) index: usize,
    pub(super) serial: String,
    pub(super) udid: String,
    pub(super) name: String,
    pub(super) platform: Platform,
    /// `ProductName`: the model identifier, such as `iPhone17,1`.
    pub(super) product: &'static str,
    /// `ModelName`: what people call it.
    pub(super) model_name: &'static str,
    /// `Model`: the order number.
    pub(super) model: &'static str,
    pub(super) os_version: &'static str,
    pub(super) build: &'static str,
    pub(super) supervised: bool,
    /// A Shared iPad: it has users, and no owner.
    pub(super) shared: bool,
    /// A device of a person, in a user enrollment: it tells its `EnrollmentID`, and neither UDID nor serial number.
    pub(super) enrollment_id: Option<String>,
    /// Waits in Setup Assistant after it has enrolled, until it is told to go on.
    pub(super) awaits: bool,
    pub(super) cellular: bool,
    pub(super) identity: IdentityStyle,
    pub(super) wifi_mac: String,
    pub(super) imei: Option<String>,
}

/// A small generator (splitmix64): chances of a simulation, never secrets.
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64, index: usize) -> Self {
        let mut chance =
            Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (index as u64).wrapping_add(0x5851_F42D_4C95_7F2D));
        chance.next();
        chance
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { (self.next() % limit as u64) as usize }
    }

    pub(super) fn percent(&mut self, percent: u8) -> bool {
        self.below(100) < usize::from(percent)
    }

    /// Whether something that happens so many times of a thousand happens now.
    pub(super) fn happens(&mut self, share: u16) -> bool {
        share > 0 && self.below(1000) < usize::from(share)
    }

    fn pick<T: Copy>(&mut self, from: &[T], otherwise: T) -> T {
        from.get(self.below(from.len())).copied().unwrap_or(otherwise)
    }

    fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(self.pick(alphabet, b'0'))).collect()
    }
}

const PEOPLE: [&str; 24] = [
    "Mirela", "Tomas", "Ines", "Jonah", "Aroha", "Piet", "Salma", "Kenji", "Odile", "Ravi", "Freya", "Luca", "Nadia",
    "Emeka", "Signe", "Dario", "Yara", "Bram", "Hana", "Milo", "Zofia", "Idris", "Petra", "Anselm",
];
const PLACES: [&str; 12] = [
    "Front Desk",
    "Warehouse",
    "Studio",
    "Lab",
    "Ward 3",
    "Classroom 12",
    "Kitchen",
    "Gate B",
    "Library",
    "Workshop",
    "Meeting Room",
    "Service Van",
];

/// The first name of person number `index`.
pub(super) fn person(index: usize) -> &'static str {
    PEOPLE[index % PEOPLE.len()]
}

struct Model {
    product: &'static str,
    name: &'static str,
    number: &'static str,
    cellular: bool,
}

const IPHONES: [Model; 4] = [
    Model { product: "iPhone17,1", name: "iPhone 16 Pro", number: "MYNG3", cellular: true },
    Model { product: "iPhone17,3", name: "iPhone 16", number: "MYE73", cellular: true },
    Model { product: "iPhone15,4", name: "iPhone 15", number: "MTP03", cellular: true },
    Model { product: "iPhone14,6", name: "iPhone SE", number: "MMX83", cellular: true },
];
const IPADS: [Model; 3] = [
    Model { product: "iPad14,8", name: "iPad Air", number: "MUWC3", cellular: false },
    Model { product: "iPad14,9", name: "iPad Air", number: "MUXD3", cellular: true },
    Model { product: "iPad13,18", name: "iPad", number: "MPQ03", cellular: false },
];
const MACS: [Model; 3] = [
    Model { product: "Mac15,12", name: "MacBook Air", number: "MRXN3", cellular: false },
    Model { product: "Mac16,10", name: "Mac mini", number: "MU9D3", cellular: false },
    Model { product: "Mac16,1", name: "MacBook Pro", number: "MW2U3", cellular: false },
];
const APPLE_TVS: [Model; 2] = [
    Model { product: "AppleTV14,1", name: "Apple TV 4K", number: "MN873", cellular: false },
    Model { product: "AppleTV11,1", name: "Apple TV 4K", number: "MXH02", cellular: false },
];
/// Versions with their builds: (iOS and iPadOS), then macOS, then tvOS.
const IOS: [(&str, &str); 3] = [("18.6", "22G86"), ("26.0", "23A341"), ("18.1", "22B83")];
const MACOS: [(&str, &str); 3] = [("15.6", "24G84"), ("26.0", "25A354"), ("15.1", "24B83")];
const TVOS: [(&str, &str); 3] = [("18.6", "22M84"), ("26.0", "23J354"), ("18.1", "22J580")];

/// Invents device number `index` of a fleet.
pub(super) fn invent(options: &Options, index: usize) -> Hardware {
    let mut chance = Chance::new(options.seed, index);
    let (platform, shared) = platform_of(options, index);
    let (models, systems): (&[Model], _) = match platform {
        Platform::MacOs => (&MACS, MACOS),
        Platform::TvOs => (&APPLE_TVS, TVOS),
        Platform::IpadOs => (&IPADS, IOS),
        _ => (&IPHONES, IOS),
    };
    let model = &models[chance.below(models.len())];
    let (os_version, build) = chance.pick(&systems, systems[0]);
    let kind = match platform {
        Platform::MacOs => model.name,
        Platform::IpadOs => "iPad",
        Platform::TvOs => "Apple TV",
        _ => "iPhone",
    };
    let name = if matches!(platform, Platform::IpadOs | Platform::TvOs) || chance.percent(25) {
        format!("{} {kind}", PLACES[(index + chance.below(2)) % PLACES.len()])
    } else {
        format!("{}'s {kind}", PEOPLE[index % PEOPLE.len()])
    };
    let name = if index < PEOPLE.len() { name } else { format!("{name} {}", index / PEOPLE.len() + 1) };
    const SERIAL: &[u8] = b"CDFGHJKLMNPQRTVWXY0234679";
    const HEX: &[u8] = b"0123456789ABCDEF";
    // The number is in the serial, so that two devices of one fleet can never share one.
    let serial = format!("{}{}", chance.text(SERIAL, 6), in_alphabet(SERIAL, index, 4));
    let udid = if platform == Platform::MacOs {
        let part = |chance: &mut Chance, n| chance.text(HEX, n);
        let (a, b, c, d) = (part(&mut chance, 8), part(&mut chance, 4), part(&mut chance, 4), part(&mut chance, 4));
        format!("{a}-{b}-{c}-{d}-{:012X}", (chance.next() & 0xFFFF_FFFF) << 16 | (index as u64 & 0xFFFF))
    } else {
        format!(
            "00008140-{:016X}",
            (chance.next() & 0x000F_FFFF_0000_0000) | (chance.next() & 0xFFFF_0000) | (index as u64 & 0xFFFF)
        )
    };
    let mac: Vec<String> = (0..5).map(|_| format!("{:02x}", chance.below(256))).collect();
    let imei = (platform == Platform::Ios)
        .then(|| format!("35 {:06} {:06} {}", chance.below(1_000_000), chance.below(1_000_000), chance.below(10)));
    let identity = match options.identities.len() {
        0 => IdentityStyle::SignatureBer,
        n => options.identities[index % n],
    };
    let supervised = (platform == Platform::MacOs || shared || chance.percent(options.supervised_percent))
        && !options.user_enrollment;
    let enrollment_id = options.user_enrollment.then(|| format!("{}-{index:04}", chance.text(HEX, 32)));
    let awaits: bool = enrollment_id.is_none()
        && (options.awaiting_configuration || chance.happens(options.misbehavior.share(Way::SetupAssistant)));
    Hardware {
        index,
        serial,
        udid,
        name,
        platform,
        product: model.product,
        model_name: model.name,
        model: model.number,
        os_version,
        build,
        // Who waits in Setup Assistant came by Automated Device Enrollment.
        supervised: supervised || awaits,
        shared,
        enrollment_id,
        awaits,
        cellular: model.cellular,
        identity,
        wifi_mac: format!("02:{}", mac.join(":")),
        imei,
    }
}

fn in_alphabet(alphabet: &[u8], mut number: usize, length: usize) -> String {
    let mut text = vec![b'0'; length];
    for place in text.iter_mut().rev() {
        *place = alphabet[number % alphabet.len()];
        number /= alphabet.len();
    }
    text.into_iter().map(char::from).collect()
}

/// Deals platforms out evenly by their shares, so that even a small fleet has each of them. The flag is for Shared iPads.
fn platform_of(options: &Options, index: usize) -> (Platform, bool) {
    let mix = options.mix;
    let mut wheel = vec![
        (mix.iphones, (Platform::Ios, false)),
        (mix.ipads, (Platform::IpadOs, false)),
        (mix.macs, (Platform::MacOs, false)),
        (mix.apple_tvs, (Platform::TvOs, false)),
        (mix.shared_ipads, (Platform::IpadOs, true)),
    ];
    wheel.retain(|(share, _)| *share > 0);
    let total: u32 = wheel.iter().map(|(share, _)| share).sum();
    if total == 0 {
        return (Platform::Ios, false);
    }
    let mut place = u32::try_from(index % total as usize).unwrap_or(0);
    for (share, platform) in wheel {
        if place < share {
            return platform;
        }
        place -= share;
    }
    (Platform::Ios, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_thousand_devices_share_nothing_and_come_back_the_same() {
        let options = Options::default();
        let devices: Vec<Hardware> = (0..1000).map(|i| invent(&options, i)).collect();
        let serials: BTreeSet<_> = devices.iter().map(|d| d.serial.clone()).collect();
        let udids: BTreeSet<_> = devices.iter().map(|d| d.udid.clone()).collect();
        assert_eq!((serials.len(), udids.len()), (1000, 1000));
        assert_eq!(invent(&options, 7).serial, devices[7].serial);
        assert!(devices.iter().any(|d| d.platform == Platform::MacOs));
        assert!(devices.iter().all(|d| Platform::of_product(d.product) == Some(d.platform)));
    }
}
