//! The signature check itself, with *ring*.

use super::parse::{Digest, SignerInfo};
use super::{CmsError, SignedData, oid};
use crate::certificate::parse as parse_certificate;
use crate::der::{OBJECT_IDENTIFIER, OCTET_STRING};
use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::pkey::{Id, PKey};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use ring::{digest, signature};
use x509_parser::x509::SubjectPublicKeyInfo;

/// What a signature is checked against.
#[derive(Clone, Copy)]
enum Over<'a> {
    Content(&'a [u8]),
    Digest(&'a [u8]),
}

impl<'a> SignedData<'a> {
    /// Checks the signature over `content`, and gives the certificate of the signer. That certificate is proved to hold
    /// the key and nothing else: the caller decides whether to trust it.
    pub(crate) fn verify(&self, content: &[u8]) -> Result<&'a [u8], CmsError> {
        self.verify_over(Over::Content(content))
    }

    /// As [`SignedData::verify`], where only the digest of the content is there, made with [`SignedData::digest`].
    pub(super) fn verify_digest(&self, digest: &[u8]) -> Result<&'a [u8], CmsError> {
        self.verify_over(Over::Digest(digest))
    }

    fn verify_over(&self, over: Over<'_>) -> Result<&'a [u8], CmsError> {
        let certificate_der = self.signer_certificate()?;
        let certificate = parse_certificate(certificate_der).map_err(|_| CmsError::SignerNotFound)?;
        let signer = &self.signer;
        match &signer.attributes {
            None => match over {
                Over::Content(content) => verify(certificate.public_key(), signer, content)?,
                Over::Digest(digest) => verify_prehashed(certificate.public_key(), signer, digest)?,
            },
            Some(attributes) => {
                // The signature covers the attributes only: it is the digest among them that binds the content.
                let digest = self.attribute(oid::MESSAGE_DIGEST).ok_or(CmsError::Malformed)?;
                let content_type = self.attribute(oid::CONTENT_TYPE).ok_or(CmsError::Malformed)?;
                let is_expected = match over {
                    Over::Content(content) => digest.value == digest::digest(signer.digest.ring(), content).as_ref(),
                    Over::Digest(expected) => digest.value == expected,
                };
                if digest.tag != OCTET_STRING || !is_expected {
                    return Err(CmsError::Mismatch);
                }
                if content_type.tag != OBJECT_IDENTIFIER || content_type.value != self.content_type {
                    return Err(CmsError::Mismatch);
                }
                verify(certificate.public_key(), signer, &attributes.signed_bytes)?;
            }
        }
        Ok(certificate_der)
    }

    /// The one certificate with the signer's issuer and serial number.
    pub(super) fn signer_certificate(&self) -> Result<&'a [u8], CmsError> {
        let mut found = None;
        for der in &self.certificates {
            let Ok(certificate) = parse_certificate(der) else { continue };
            if certificate.issuer().as_raw() == self.signer.issuer && certificate.raw_serial() == self.signer.serial {
                match found {
                    Some(known) if known != *der => return Err(CmsError::SignerNotFound),
                    _ => found = Some(*der),
                }
            }
        }
        found.ok_or(CmsError::SignerNotFound)
    }
}

impl Digest {
    pub(crate) fn ring(self) -> &'static digest::Algorithm {
        match self {
            // Real devices still sign with it; what they sign is bound to the connection by TLS as well.
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

fn verify(key: &SubjectPublicKeyInfo<'_>, signer: &SignerInfo<'_>, message: &[u8]) -> Result<(), CmsError> {
    let algorithm = algorithm(key, signer)?;
    signature::UnparsedPublicKey::new(algorithm, &key.subject_public_key.data)
        .verify(message, signer.signature)
        .map_err(|_| CmsError::Mismatch)
}

/// As [`verify`], for a message that is only known by its digest: *ring* wants the message itself, OpenSSL does not.
fn verify_prehashed(key: &SubjectPublicKeyInfo<'_>, signer: &SignerInfo<'_>, digest: &[u8]) -> Result<(), CmsError> {
    algorithm(key, signer)?;
    let check = || -> Result<bool, ErrorStack> {
        let public = PKey::public_key_from_der(key.raw)?;
        let mut context = PkeyCtx::new(&public)?;
        context.verify_init()?;
        if public.id() == Id::RSA {
            context.set_rsa_padding(Padding::PKCS1)?;
        }
        context.set_signature_md(match signer.digest {
            Digest::Sha1 => Md::sha1(),
            Digest::Sha256 => Md::sha256(),
            Digest::Sha384 => Md::sha384(),
            Digest::Sha512 => Md::sha512(),
        })?;
        context.verify(digest, signer.signature)
    };
    // Whatever OpenSSL minds about key or signature, it is not a signature of this message.
    if check().unwrap_or(false) { Ok(()) } else { Err(CmsError::Mismatch) }
}

/// The algorithm for a key, a digest and the signature algorithm the message names; the three must fit together.
fn algorithm(
    key: &SubjectPublicKeyInfo<'_>,
    signer: &SignerInfo<'_>,
) -> Result<&'static dyn signature::VerificationAlgorithm, CmsError> {
    let named = signer.signature_algorithm;
    let key_type = key.algorithm.algorithm.as_bytes();
    if key_type == oid::RSA_ENCRYPTION {
        let (with_digest, algorithm): (_, &dyn signature::VerificationAlgorithm) = match signer.digest {
            Digest::Sha1 => (oid::SHA1_WITH_RSA, &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
            Digest::Sha256 => (oid::SHA256_WITH_RSA, &signature::RSA_PKCS1_2048_8192_SHA256),
            Digest::Sha384 => (oid::SHA384_WITH_RSA, &signature::RSA_PKCS1_2048_8192_SHA384),
            Digest::Sha512 => (oid::SHA512_WITH_RSA, &signature::RSA_PKCS1_2048_8192_SHA512),
        };
        return if named == oid::RSA_ENCRYPTION || named == with_digest {
            Ok(algorithm)
        } else {
            Err(CmsError::UnsupportedAlgorithm)
        };
    }
    if key_type == oid::EC_PUBLIC_KEY {
        let curve = key.algorithm.parameters.as_ref().map(|curve| curve.data);
        return match (curve, signer.digest) {
            (Some(oid::P256), Digest::Sha256) if named == oid::ECDSA_SHA256 => Ok(&signature::ECDSA_P256_SHA256_ASN1),
            (Some(oid::P256), Digest::Sha384) if named == oid::ECDSA_SHA384 => Ok(&signature::ECDSA_P256_SHA384_ASN1),
            (Some(oid::P384), Digest::Sha256) if named == oid::ECDSA_SHA256 => Ok(&signature::ECDSA_P384_SHA256_ASN1),
            (Some(oid::P384), Digest::Sha384) if named == oid::ECDSA_SHA384 => Ok(&signature::ECDSA_P384_SHA384_ASN1),
            _ => Err(CmsError::UnsupportedAlgorithm),
        };
    }
    Err(CmsError::UnsupportedAlgorithm)
}
