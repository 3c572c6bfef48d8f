//! The start from an empty folder, with real TLS, on both databases; and what a second start keeps.

use http::StatusCode;
use russet::cli::client::{Client, ClientError};
use russet::config::{Config, MasterKeySource};
use russet::start::{self, FirstToken, Options, Server, StartError};
use russet_store::StoreError;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A configuration that takes free ports.
fn config(folder: &Path, database: Option<&str>) -> Config {
    let mut config = Config::defaults(&folder.join("data"));
    config.device.address = SocketAddr::from(([127, 0, 0, 1], 0));
    config.device.public_url = "https://localhost:0".to_owned();
    config.admin.address = config.device.address;
    if let Some(url) = database {
        url.clone_into(&mut config.database_url);
    }
    config
}

fn shown(server: &Server) -> String {
    match &server.first_token {
        Some(FirstToken::Shown(token)) => token.as_str().to_owned(),
        _ => panic!("the first start shows a token"),
    }
}

/// Whether a client that trusts these roots reaches the device listener.
async fn trusts(server: &Server, roots: &[u8]) -> bool {
    let client = Client::new(server.public_url(), None, Some(roots)).unwrap();
    match client.get("/health").await {
        Ok(_) | Err(ClientError::Refused { .. } | ClientError::Foreign { .. }) => true,
        Err(_) => false,
    }
}

async fn from_an_empty_folder(database: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let server = start::start(config(folder.path(), database), Options::default()).await.unwrap();
    assert!(!server.public_url().ends_with(":0"), "the real port stands in {}", server.public_url());
    let key = folder.path().join("data/master.key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let root = std::fs::read(server.tls_root.as_ref().unwrap()).unwrap();
    assert!(trusts(&server, &root).await);

    let token = shown(&server);
    let admin = Client::new(&server.admin_url(), Some(&token), None).unwrap();
    let status = admin.get("/api/v1/status").await.unwrap();
    assert_eq!(status["public_url"], server.public_url());
    for wrong in [None, Some("rst_wrong")] {
        let stranger = Client::new(&server.admin_url(), wrong, None).unwrap();
        let refused = stranger.get("/api/v1/status").await;
        assert!(matches!(refused, Err(ClientError::Refused { status: StatusCode::UNAUTHORIZED, .. })));
        assert_eq!(stranger.get("/ready").await.unwrap()["status"], "ok");
    }
    server.stop().await;

    let again = start::start(config(folder.path(), database), Options::default()).await.unwrap();
    assert!(again.first_token.is_none(), "a token is shown once");
    let admin = Client::new(&again.admin_url(), Some(&token), None).unwrap();
    assert!(admin.get("/api/v1/status").await.is_ok(), "the token still opens");
    assert!(trusts(&again, &root).await, "the authority is the same");
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_from_an_empty_folder_on_sqlite() {
    from_an_empty_folder(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_from_an_empty_folder_on_postgresql() {
    let Some(database) = russet_test_support::postgres().await else { return };
    from_an_empty_folder(Some(&database.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_is_private_and_another_token_is_made_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let options = Options { token_file: Some(file.clone()), new_token: false };
    let server = start::start(config(folder.path(), None), options.clone()).await.unwrap();
    assert!(matches!(&server.first_token, Some(FirstToken::Written(path)) if *path == file));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let first = std::fs::read_to_string(&file).unwrap();
    server.stop().await;

    let server = start::start(config(folder.path(), None), options.clone()).await.unwrap();
    assert!(server.first_token.is_none());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
    server.stop().await;

    let server = start::start(config(folder.path(), None), Options { new_token: true, ..options }).await.unwrap();
    let second = std::fs::read_to_string(&file).unwrap();
    assert_ne!(second, first);
    for token in [first, second] {
        let admin = Client::new(&server.admin_url(), Some(&token), None).unwrap();
        assert!(admin.get("/api/v1/status").await.is_ok());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_master_key_is_named_and_none_is_made_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    start::start(config(folder.path(), None), Options::default()).await.unwrap().stop().await;
    let (key, copy) = (folder.path().join("data/master.key"), folder.path().join("copy"));
    std::fs::rename(&key, &copy).unwrap();
    let refused = start::start(config(folder.path(), None), Options::default()).await.err().unwrap();
    assert!(matches!(&refused, StartError::KeyMissing(file) if *file == key), "{refused}");
    assert!(!key.exists());
    std::fs::rename(&copy, &key).unwrap();
    start::start(config(folder.path(), None), Options::default()).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_is_not_there_is_told_at_once_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens on the discard port of this machine.
    let nowhere = Some("postgres://russet:secret-word@127.0.0.1:9/russet");
    let refused = start::start(config(folder.path(), nowhere), Options::default()).await.err().unwrap().to_string();
    assert!(refused.contains("refused") && refused.contains("database.url"), "{refused}");
    assert!(!refused.contains("secret-word"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_says_why_and_leaves_no_token_behind() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = Options { token_file: Some(folder.path().join("no/such/folder/token")), new_token: false };
    let refused = start::start(config(folder.path(), None), nowhere).await.err().unwrap();
    assert!(refused.to_string().contains("no/such/folder/token"), "{refused}");

    let server = start::start(config(folder.path(), None), Options::default()).await.unwrap();
    assert!(server.first_token.is_some(), "the token that could not be written was never made");

    let second = start::start(config(folder.path(), None), Options::default()).await.err().unwrap();
    assert!(matches!(second, StartError::Store(StoreError::Locked(_))), "{second}");
    let other = tempfile::tempdir().unwrap();
    let mut taken = config(other.path(), None);
    taken.admin.address = server.admin_address;
    let refused = start::start(taken, Options::default()).await.err().unwrap();
    assert!(refused.to_string().starts_with("admin.address: cannot listen on"), "{refused}");
    server.stop().await;

    let mut foreign = config(folder.path(), None);
    foreign.master_key = MasterKeySource::Given(zeroize::Zeroizing::new([7; 32]));
    let refused = start::start(foreign, Options::default()).await.err().unwrap();
    assert!(matches!(refused, StartError::Store(StoreError::Key(_))), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_self_made_certificate_follows_the_public_url() {
    let folder = tempfile::tempdir().unwrap();
    let mut numbered = config(folder.path(), None);
    "https://127.0.0.1:0".clone_into(&mut numbered.device.public_url);
    let server = start::start(config(folder.path(), None), Options::default()).await.unwrap();
    let certificate = || std::fs::read(folder.path().join("data/tls-certificate.pem")).unwrap();
    let root = std::fs::read(server.tls_root.as_ref().unwrap()).unwrap();
    let named = certificate();
    server.stop().await;

    let server = start::start(config(folder.path(), None), Options::default()).await.unwrap();
    assert_eq!(certificate(), named, "kept while it serves");
    server.stop().await;

    let server = start::start(numbered, Options::default()).await.unwrap();
    assert_ne!(certificate(), named);
    assert!(trusts(&server, &root).await, "the same root, another name");
    server.stop().await;
}
