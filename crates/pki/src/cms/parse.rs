//! The parts of a SignedData, as slices of the message.

use super::{CmsError, oid};
use crate::der::{CONTEXT_0, INTEGER, Malformed, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, SET};

/// `[1]`, constructed: revocation lists in SignedData, unsigned attributes in SignerInfo.
const CONTEXT_1: u8 = 0xa1;
/// More certificates than this are no message of a device.
const MAX_CERTIFICATES: usize = 16;

/// More signed attributes than this neither: finding one looks at all of them.
const MAX_ATTRIBUTES: usize = 64;

/// A parsed SignedData with exactly one signer.
#[derive(Debug)]
pub(crate) struct SignedData<'a> {
    /// The type of the content, as contents of an object identifier.
    pub(crate) content_type: &'a [u8],
    /// The content where it is attached.
    pub(crate) content: Option<&'a [u8]>,
    /// The certificates that came along, DER.
    pub(crate) certificates: Vec<&'a [u8]>,
    pub(super) signer: SignerInfo<'a>,
}

/// Digest algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Digest {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

#[derive(Debug)]
pub(super) struct SignerInfo<'a> {
    pub(super) issuer: &'a [u8],
    pub(super) serial: &'a [u8],
    pub(super) digest: Digest,
    pub(super) attributes: Option<Attributes<'a>>,
    pub(super) signature_algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
}

#[derive(Debug)]
pub(super) struct Attributes<'a> {
    pub(super) list: Vec<Attribute<'a>>,
    /// The attributes as the DER they are signed in: a SET OF with its explicit tag.
    pub(super) signed_bytes: Vec<u8>,
}

/// One signed attribute with exactly one value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attribute<'a> {
    pub(crate) oid: &'a [u8],
    pub(crate) tag: u8,
    pub(crate) value: &'a [u8],
}

impl<'a> SignedData<'a> {
    /// Reads a ContentInfo that holds SignedData. The bytes must have been through [`crate::ber::to_der`].
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, CmsError> {
        let mut outer = Reader::new(der).expect(SEQUENCE)?.reader();
        if outer.expect(OBJECT_IDENTIFIER)?.contents != oid::SIGNED_DATA {
            return Err(CmsError::Malformed);
        }
        let mut fields = outer.expect(CONTEXT_0)?.reader().expect(SEQUENCE)?.reader();
        outer.end()?;
        fields.expect(INTEGER)?;
        fields.expect(SET)?; // digest algorithms: a hint for one-pass readers
        let mut encapsulated = fields.expect(SEQUENCE)?.reader();
        let content_type = encapsulated.expect(OBJECT_IDENTIFIER)?.contents;
        let content = match encapsulated.optional(CONTEXT_0)? {
            Some(content) => Some(content.reader().expect(OCTET_STRING)?.contents),
            None => None,
        };
        encapsulated.end()?;
        let mut certificates = Vec::new();
        if let Some(set) = fields.optional(CONTEXT_0)? {
            let mut set = set.reader();
            while !set.is_empty() {
                let certificate = set.next()?;
                // Other forms (attribute certificates and the like) identify nobody here.
                if certificate.tag == SEQUENCE {
                    certificates.push(certificate.whole);
                }
                if certificates.len() > MAX_CERTIFICATES {
                    return Err(CmsError::Malformed);
                }
            }
        }
        fields.optional(CONTEXT_1)?;
        let mut signers = fields.expect(SET)?.reader();
        fields.end()?;
        let signer = signers.optional(SEQUENCE)?.ok_or(CmsError::NotOneSigner)?;
        if !signers.is_empty() {
            return Err(CmsError::NotOneSigner);
        }
        Ok(Self { content_type, content, certificates, signer: SignerInfo::parse(signer.reader())? })
    }

    /// The value of a signed attribute, where the message has signed attributes and this is among them.
    pub(crate) fn attribute(&self, oid: &[u8]) -> Option<Attribute<'a>> {
        self.signer.attributes.as_ref()?.list.iter().find(|attribute| attribute.oid == oid).copied()
    }

    /// The digest the signer used.
    pub(crate) fn digest(&self) -> Digest {
        self.signer.digest
    }
}

impl<'a> SignerInfo<'a> {
    fn parse(mut fields: Reader<'a>) -> Result<Self, CmsError> {
        fields.expect(INTEGER)?;
        // A signer named in another way (subject key identifier) has tag [0] here, and is refused.
        let mut name = fields.expect(SEQUENCE)?.reader();
        let issuer = name.expect(SEQUENCE)?.whole;
        let serial = name.expect(INTEGER)?.contents;
        name.end()?;
        let digest = Digest::of(algorithm(&mut fields)?)?;
        let attributes = match fields.optional(CONTEXT_0)? {
            Some(attributes) => Some(Attributes::parse(attributes.reader())?),
            None => None,
        };
        let signature_algorithm = algorithm(&mut fields)?;
        let signature = fields.expect(OCTET_STRING)?.contents;
        fields.optional(CONTEXT_1)?;
        fields.end()?;
        Ok(Self { issuer, serial, digest, attributes, signature_algorithm, signature })
    }
}

impl<'a> Attributes<'a> {
    fn parse(mut set: Reader<'a>) -> Result<Self, CmsError> {
        let mut list: Vec<Attribute<'a>> = Vec::new();
        let mut items = Vec::new();
        while !set.is_empty() {
            let item = set.expect(SEQUENCE)?;
            items.push(item.whole.to_vec());
            let mut fields = item.reader();
            let oid = fields.expect(OBJECT_IDENTIFIER)?.contents;
            let mut values = fields.expect(SET)?.reader();
            fields.end()?;
            if list.len() == MAX_ATTRIBUTES {
                return Err(CmsError::Malformed);
            }
            // RFC 5652 wants one instance of each attribute, and one value in those that are read here.
            if list.iter().any(|known| known.oid == oid) {
                return Err(CmsError::Malformed);
            }
            let value = values.next()?;
            if values.is_empty() {
                list.push(Attribute { oid, tag: value.tag, value: value.contents });
            }
        }
        Ok(Self { list, signed_bytes: crate::der::set_of(items) })
    }
}

impl Digest {
    fn of(oid: &[u8]) -> Result<Self, CmsError> {
        match oid {
            oid::SHA1 => Ok(Self::Sha1),
            oid::SHA256 => Ok(Self::Sha256),
            oid::SHA384 => Ok(Self::Sha384),
            oid::SHA512 => Ok(Self::Sha512),
            _ => Err(CmsError::UnsupportedAlgorithm),
        }
    }
}

/// The object identifier of an AlgorithmIdentifier.
fn algorithm<'a>(fields: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    Ok(fields.expect(SEQUENCE)?.reader().expect(OBJECT_IDENTIFIER)?.contents)
}
