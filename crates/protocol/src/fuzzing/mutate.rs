//! Mutations that follow from a seed: the same inputs on every machine and in every run, so that a finding of `make test`
//! can be repeated. Blind, unlike libFuzzer in `make fuzz`, but made of what breaks parsers.

/// SplitMix64: small, and good enough to choose places and bytes.
#[derive(Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `end`; 0 where nothing is below it.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end.max(1) as u64).unwrap_or(0)
    }
}

/// Bytes that mean something to a parser of property lists or DER.
const TELLING: [&[u8]; 26] = [
    b"\x00",
    b"\xff",
    b"\x80",
    b"\x7f",
    b"\x30\x80",
    b"\x24\x80",
    b"\x00\x00",
    b"\x30\x84\xff\xff\xff\xff",
    b"\xa0\x82\xff\xff",
    b"\x1f\x85\x80\x80\x80\x80",
    b"bplist00",
    b"\xaf\x13\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xdf\x11\xff\xff",
    b"\x33\x7f\xf0\x00\x00\x00\x00\x00\x00",
    b"\x33\xff\xff\xff\xff\xff\xff\xff\xff",
    b"<dict>",
    b"</dict>",
    b"<key>UDID</key><string>other</string>",
    b"<array><array><array><array>",
    b"<![CDATA[x]]>",
    b"&xxe;",
    b"&#0;",
    b"<date>9999-99-99T99:99:99Z</date>",
    b"<date>-0001-01-01T00:00:00Z</date>",
    b"<integer>-99999999999999999999</integer>",
    b"<real>nan</real>",
];

/// Runs `target` on each seed as it is, and on `rounds` mutations of each.
///
/// # Panics
/// Where the target does; the input is printed before, in hexadecimal.
pub fn mutations(seeds: &[Vec<u8>], rounds: u64, target: fn(&[u8])) {
    assert!(!seeds.is_empty(), "a target without seeds tries nothing");
    for (number, seed) in seeds.iter().enumerate() {
        run(target, seed);
        for round in 0..rounds {
            let mut dice = Dice(round.wrapping_mul(0x1_0001).wrapping_add(number as u64));
            let mut bytes = seed.clone();
            for _ in 0..=dice.below(4) {
                mutate(&mut bytes, seeds, &mut dice);
            }
            run(target, &bytes);
        }
    }
}

/// Runs `target` on a file, such as a finding that libFuzzer has left.
///
/// # Errors
/// Where the file cannot be read.
pub fn of_file(path: &std::path::Path, target: fn(&[u8])) -> std::io::Result<()> {
    target(&std::fs::read(path)?);
    Ok(())
}

fn run(target: fn(&[u8]), bytes: &[u8]) {
    if std::panic::catch_unwind(|| target(bytes)).is_err() {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!("a finding: {hex}");
    }
}

fn mutate(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(bytes.len() + 1);
    let length = dice.below(24).min(bytes.len() - at);
    match dice.below(8) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..at + length)),
        2 => {
            let part = bytes[at..at + length].to_vec();
            let times = 1 + dice.below(40);
            bytes.splice(at..at, part.repeat(times));
        }
        3 => {
            let telling = TELLING[dice.below(TELLING.len())];
            let end = if dice.below(2) == 0 { at } else { (at + telling.len()).min(bytes.len()) };
            bytes.splice(at..end, telling.iter().copied());
        }
        4 => {
            let other = &seeds[dice.below(seeds.len())];
            let from = dice.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
    }
}
