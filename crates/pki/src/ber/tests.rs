//! Indefinite lengths as devices write them, and what is refused.

use super::*;
use proptest::prelude::*;

#[test]
fn an_indefinite_sequence_of_chunked_octets_becomes_der() {
    let ber = [0x30, 0x80, 0x24, 0x80, 0x04, 0x01, b'a', 0x24, 0x03, 0x04, 0x01, b'b', 0, 0, 0x02, 0x81, 0x01, 7, 0, 0];
    assert_eq!(to_der(&ber).unwrap(), [0x30, 0x07, 0x04, 0x02, b'a', b'b', 0x02, 0x01, 7]);
}

#[test]
fn what_is_not_one_element_is_refused() {
    for (input, error) in [
        (&b""[..], BerError::Truncated),
        (&[0x30, 0x80], BerError::Truncated),
        (&[0x04, 0x80, 0, 0], BerError::Invalid),
        (&[0x04, 0x05, 1], BerError::Truncated),
        (&[0x05, 0x00, 0x00], BerError::TrailingBytes),
        (&[0x30, 0x02, 0, 0], BerError::Invalid),
        (&[0x24, 0x02, 0x05, 0x00], BerError::Invalid),
        (&[0x04, 0x85, 1, 0, 0, 0, 0], BerError::Invalid),
        (&[0x04, 0xff], BerError::Invalid),
    ] {
        assert_eq!(to_der(input), Err(error), "{input:02x?}");
    }
    assert_eq!(to_der(&[0x30, 0x80].repeat(10_000)), Err(BerError::TooDeep));
}

proptest! {
    #[test]
    fn any_bytes_end_without_a_panic_and_der_stays_as_it_is(input in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(der) = to_der(&input) {
            prop_assert_eq!(to_der(&der), Ok(der.clone()));
        }
    }

    #[test]
    fn every_way_to_write_one_tree_gives_the_same_der(tree in tree(), choices in prop::collection::vec(any::<u8>(), 64)) {
        let mut ber = Vec::new();
        let mut choices = choices.into_iter().cycle();
        write(&tree, &mut ber, &mut choices);
        let mut der = Vec::new();
        write(&tree, &mut der, &mut std::iter::repeat(0));
        prop_assert_eq!(to_der(&ber), Ok(der));
    }
}

/// A tree of octet strings and sequences.
#[derive(Debug, Clone)]
enum Tree {
    Octets(Vec<u8>),
    Sequence(Vec<Tree>),
}

fn tree() -> impl Strategy<Value = Tree> {
    prop::collection::vec(any::<u8>(), 0..200)
        .prop_map(Tree::Octets)
        .prop_recursive(5, 40, 5, |inner| prop::collection::vec(inner, 0..5).prop_map(Tree::Sequence))
}

/// Writes a tree; each choice that is not zero takes one of the liberties that BER gives.
fn write(tree: &Tree, out: &mut Vec<u8>, choices: &mut impl Iterator<Item = u8>) {
    let choice = choices.next().unwrap_or(0) % 3;
    match tree {
        Tree::Octets(octets) if choice == 0 => wrap(0x04, octets, out, 0),
        Tree::Octets(octets) => {
            let mut chunks = Vec::new();
            for chunk in octets.chunks(7) {
                wrap(0x04, chunk, &mut chunks, choice - 1);
            }
            wrap(0x24, &chunks, out, choice);
        }
        Tree::Sequence(items) => {
            let mut inner = Vec::new();
            for item in items {
                write(item, &mut inner, choices);
            }
            wrap(0x30, &inner, out, choice);
        }
    }
}

/// `form`: 0 shortest length, 1 length in five bytes, 2 indefinite (constructed only).
fn wrap(tag: u8, contents: &[u8], out: &mut Vec<u8>, form: u8) {
    out.push(tag);
    match form {
        0 => put_length(out, contents.len()),
        1 => {
            out.push(0x84);
            out.extend_from_slice(&u32::try_from(contents.len()).unwrap().to_be_bytes());
        }
        _ => {
            out.push(0x80);
            out.extend_from_slice(contents);
            out.extend_from_slice(&[0, 0]);
            return;
        }
    }
    out.extend_from_slice(contents);
}
