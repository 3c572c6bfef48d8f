//! What a message costs before it reaches the database: its signature and its property list. One thread.

use crate::phone;
use crate::table::Table;
use crate::world::place;
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::X509;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};
use russet::context::{Clock as _, SystemClock};
use russet_pki::ca::Authority;
use russet_pki::cms;
use russet_protocol::checkin::Sender;
use russet_protocol::guard::{self, Limits};
use russet_protocol::result::{Answer, ManagedApplicationList, Report};
use russet_protocol::{CommandUuid, Udid};
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const PART: &str = "messages";
const LONG: Duration = Duration::from_millis(500);

/// Operations a second.
fn rate(mut operation: impl FnMut()) -> f64 {
    operation();
    let (began, mut done) = (Instant::now(), 0_u32);
    while began.elapsed() < LONG {
        operation();
        done += 1;
    }
    f64::from(done) / began.elapsed().as_secs_f64()
}

fn add(table: &mut Table, what: &str, rate: f64) {
    table.add(PART, what, rate, "a second").note(format!("{:.1} us each", 1e6 / rate));
}

pub(crate) fn measure(table: &mut Table) {
    signatures(table);
    lists(table);
}

fn signatures(table: &mut Table) {
    let now = SystemClock.now();
    let authority = Authority::generate("Bench authority", [1; 20], now).unwrap();
    let trusted = authority.trusted();
    let body = acknowledged();
    let rsa = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let ec = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();

    let point = ec.ec_key().unwrap();
    let mut context = openssl::bn::BigNumContext::new().unwrap();
    let form = openssl::ec::PointConversionForm::UNCOMPRESSED;
    let point = point.public_key().to_bytes(&curve, form, &mut context).unwrap();
    let pkcs1 = rsa.rsa().unwrap().public_key_to_der_pkcs1().unwrap();
    let (sha1, sha256) = (openssl::hash::MessageDigest::sha1(), openssl::hash::MessageDigest::sha256());
    raw(table, "limit: RSA-2048 with SHA-1", &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, &pkcs1, &rsa, sha1, &body);
    raw(table, "limit: RSA-2048 with SHA-256", &RSA_PKCS1_2048_8192_SHA256, &pkcs1, &rsa, sha256, &body);
    raw(table, "limit: ECDSA P-256 with SHA-256", &ECDSA_P256_SHA256_ASN1, &point, &ec, sha256, &body);

    for (what, key, options) in [
        ("Mdm-Signature, BER, RSA and SHA-1, no attributes (iOS)", &rsa, "-noattr -md sha1 -stream"),
        ("Mdm-Signature, DER, RSA and SHA-256, attributes", &rsa, "-md sha256"),
        ("Mdm-Signature, DER, ECDSA and SHA-256, attributes", &ec, "-md sha256"),
    ] {
        let public = key.public_key_to_der().unwrap();
        let certificate = authority.issue_identity(&public, "bench", [2; 20], now).unwrap();
        let signature = sign(&certificate, key, &body, options);
        let rate = rate(|| {
            black_box(cms::verify_detached(&signature, &body, &trusted, now).unwrap());
        });
        add(table, what, rate);
    }
    let public = rsa.public_key_to_der().unwrap();
    let certificate = authority.issue_identity(&public, "bench", [2; 20], now).unwrap();
    let checked = rate(|| {
        black_box(trusted.check(&certificate, now).unwrap());
    });
    add(table, "client certificate: issued by us, RSA", checked);
}

fn raw(
    table: &mut Table,
    what: &str,
    algorithm: &'static dyn VerificationAlgorithm,
    public: &[u8],
    key: &PKey<Private>,
    digest: openssl::hash::MessageDigest,
    body: &[u8],
) {
    let mut signer = openssl::sign::Signer::new(digest, key).unwrap();
    let signature = signer.sign_oneshot_to_vec(body).unwrap();
    let public = UnparsedPublicKey::new(algorithm, public);
    let rate = rate(|| public.verify(black_box(body), &signature).unwrap());
    add(table, what, rate);
}

/// By OpenSSL's command line: the shapes of real devices, from an implementation that is not ours.
fn sign(certificate: &[u8], key: &PKey<Private>, body: &[u8], options: &str) -> Vec<u8> {
    let folder = place();
    let write = |name: &str, bytes: &[u8]| std::fs::write(Path::join(folder.path(), name), bytes).unwrap();
    write("body", body);
    write("certificate.pem", &X509::from_der(certificate).unwrap().to_pem().unwrap());
    write("key.pem", &key.private_key_to_pem_pkcs8().unwrap());
    let arguments = format!("cms -sign -binary -in body -signer certificate.pem -inkey key.pem -outform DER {options}");
    let run = Command::new("openssl").args(arguments.split(' ')).current_dir(folder.path()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    run.stdout
}

fn sender() -> Sender {
    Sender::device(Udid::new("00008140-0000000000000001").unwrap())
}

fn acknowledged() -> Vec<u8> {
    let uuid = CommandUuid::new("0194a7e0-0000-7000-8000-000000000001").unwrap();
    Report::acknowledged(sender(), uuid, &Answer::none()).encode()
}

fn lists(table: &mut Table) {
    let uuid = CommandUuid::new("0194a7e0-0000-7000-8000-000000000001").unwrap();
    let apps = (0..50).map(|number| phone::managed(&phone::bundle_id(number), 5)).collect();
    let answer = Answer::ManagedApplicationList(ManagedApplicationList { apps });
    let long = Report::acknowledged(sender(), uuid, &answer).encode();
    for (what, body) in [("acknowledgment", acknowledged()), ("list of 50 managed apps", long)] {
        let limits = Limits::for_body(body.len());
        let what = format!("{what}, {} bytes", body.len());
        let bare = rate(|| {
            black_box(plist_value(&body));
        });
        add(table, &format!("limit: {what}: built without a guard"), bare);
        let guarded = rate(|| guard::check(black_box(&body), limits).unwrap());
        add(table, &format!("{what}: measured by the guard"), guarded);
        let whole = rate(|| {
            black_box(Report::decode(&body, limits).unwrap());
        });
        add(table, &format!("{what}: guard and report"), whole);
    }
}

fn plist_value(body: &[u8]) -> russet_protocol::plist::Value {
    russet_protocol::plist::Value::from_reader_xml(body).unwrap()
}
