//! The client against a server that answers whatever a test says, byte for byte: what real proxies, front ends and cut
//! connections look like.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use russet_apps_and_books::{
    Action, Advice, AssetKey, Client, Failure, Filter, Lookup, Roots, ServerToken, Settings, Target,
};
use russet_protocol::{AdamId, PricingParam};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A certificate that signed nothing: roots have to be given, and plain HTTP does not look at them.
const SOME_ROOT: &str = include_str!("some-root.pem");

/// Answers requests in order; what was asked is kept.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/mdm/v2", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (kept, mut answers) = (Arc::clone(&asked), VecDeque::from(answers));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                let mut buffer = [0; 4096];
                while !is_whole(&request) {
                    match stream.read(&mut buffer).await {
                        Ok(0) | Err(_) => break,
                        Ok(read) => request.extend_from_slice(&buffer[..read]),
                    }
                }
                kept.lock().unwrap().push(String::from_utf8(request).unwrap());
                let answer = answers.pop_front().unwrap_or_default();
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { address, asked }
    }

    fn client(&self) -> Client {
        let mut settings = Settings::new(self.address.as_str(), Roots::Given(SOME_ROOT.into()));
        settings.read_timeout = Duration::from_secs(5);
        settings.write_timeout = Duration::from_secs(5);
        Client::new(settings, token()).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).map(|n| n.trim().parse().unwrap());
    body.len() >= length.unwrap_or(0_usize)
}

fn token() -> ServerToken {
    let content = r#"{"token":"inner","expDate":"2030-11-08T22:33:22+0000","orgName":"Example"}"#;
    ServerToken::parse(&STANDARD.encode(content)).unwrap()
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
}

fn ok(body: &str) -> String {
    answer("200 OK", "content-type: application/json\r\n", body)
}

fn key() -> AssetKey {
    AssetKey { adam_id: AdamId(361_309_726), pricing_param: PricingParam::Standard }
}

async fn give(client: &Client) -> Result<String, Failure> {
    client.change(Action::Associate, &[key()], &["C02A".to_owned()]).await.map(|answer| answer.body)
}

#[tokio::test]
async fn a_change_is_sent_as_apple_writes_it_and_gives_its_event() {
    let server = Server::start(vec![ok(r#"{"eventId":"e-1","uId":"7","mdmInfo":null}"#)]).await;
    assert_eq!(give(&server.client()).await.unwrap(), "e-1");
    let asked = server.asked();
    assert!(asked[0].starts_with("POST /mdm/v2/assets/associate HTTP/1.1\r\n"), "{asked:?}");
    assert!(
        asked[0].contains(&format!("authorization: Bearer {}\r\n", token().secret())),
        "the whole text of the file"
    );
    assert!(asked[0].contains("content-type: application/json\r\n"));
    let body = r#"{"assets":[{"adamId":"361309726","pricingParam":"STDQ"}],"serialNumbers":["C02A"]}"#;
    assert!(asked[0].ends_with(body), "{asked:?}");
}

#[tokio::test]
async fn every_form_of_trouble_says_what_may_be_repeated() {
    let refused = r#"{"errorNumber":9709,"errorMessage":"Not enough licenses."}"#;
    let stories = [
        (ok(refused), Advice::Stop, "an error with status 200"),
        (answer("400 Bad Request", "", refused), Advice::Stop, "an error with its status"),
        (answer("503 Unavailable", "retry-after: 30\r\n", r#"{"errorNumber":9729}"#), Advice::Again, "Apple is busy"),
        (answer("502 Bad Gateway", "", "<html>proxy</html>"), Advice::ReadFirst, "a proxy's page"),
        (answer("302 Found", "location: http://127.0.0.1:1/\r\n", ""), Advice::Stop, "a redirect, not followed"),
        (ok("<html>portal</html>"), Advice::ReadFirst, "a success that is a page"),
        (ok(r#"{"uId":"7"}"#), Advice::ReadFirst, "a success without an event"),
        (String::new(), Advice::ReadFirst, "a cut connection"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"eventId\"".to_owned(), Advice::ReadFirst, "a cut answer"),
    ];
    for (answer, advice, what) in stories {
        let server = Server::start(vec![answer]).await;
        let failure = give(&server.client()).await.unwrap_err();
        assert_eq!(failure.advice(), advice, "{what}: {failure}");
        assert_eq!(server.asked().len(), 1, "{what}: nothing is repeated");
        let shown = format!("{failure} {failure:?}");
        assert!(!shown.contains(token().secret()), "{what}: {shown}");
    }
    let nobody = Client::new(Settings::new("http://127.0.0.1:9", Roots::Given(SOME_ROOT.into())), token()).unwrap();
    assert_eq!(give(&nobody).await.unwrap_err().advice(), Advice::Again);
    assert!(!format!("{nobody:?}").contains(token().secret()));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let server = Server::start(vec![ok(&format!(r#"{{"eventId":"{}"}}"#, "x".repeat(17 * 1024 * 1024)))]).await;
    assert!(matches!(give(&server.client()).await, Err(Failure::NoAnswer(_))));
}

#[tokio::test]
async fn pages_are_followed_by_what_apple_says_is_next() {
    let page = |index: usize, next: &str, version: &str| {
        ok(&format!(
            r#"{{"assignments":[{{"adamId":"361309726","pricingParam":"STDQ","serialNumber":"S{index}"}}],
                "currentPageIndex":{index},{next}"totalPages":2,"versionId":"{version}","uId":"7",
                "mdmInfo":{{"id":"m","name":"n","metadata":""}}}}"#
        ))
    };
    // Two pages are promised, and a third one appears.
    let pages = vec![page(0, r#""nextPageIndex":1,"#, "a"), page(1, r#""nextPageIndex":2,"#, "a"), page(2, "", "b")];
    let server = Server::start(pages).await;
    let client = server.client();
    let filter = Filter { asset: Some(key()), target: Some(Target::Device("C02 &A".to_owned())) };
    let mut walk = client.assignments(&filter);
    let mut serials = Vec::new();
    while let Some(records) = walk.more().await.unwrap() {
        serials.extend(records.into_iter().map(|record| record.target));
    }
    assert_eq!(serials, ["S0", "S1", "S2"].map(|serial| Target::Device(serial.to_owned())));
    assert!(!walk.is_steady(), "the version changed on the way");
    assert_eq!(walk.trailer().mdm_info.as_ref().unwrap().id, "m");
    let asked = server.asked();
    let first = "GET /mdm/v2/assignments?adamId=361309726&pricingParam=STDQ&serialNumber=C02%20%26A HTTP/1.1";
    assert!(asked[0].starts_with(first), "{asked:?}");
    assert!(asked[2].contains("pageIndex=2"), "{asked:?}");
}

#[tokio::test]
async fn the_token_goes_to_no_host_that_an_answer_names() {
    let config = r#"{"limits":{},"urls":{"contentMetadataLookup":"https://lookup.example.net/lookup"}}"#;
    let server = Server::start(vec![ok(config)]).await;
    let client = server.client();
    client.refresh_service().await.unwrap();
    let lookup = Lookup { adam_id: AdamId(1), platform: "enterprisestore", country: "DE" };
    let failure = client.metadata(&lookup).await.unwrap_err();
    assert!(failure.to_string().contains("unexpected address"), "{failure}");
    assert_eq!(server.asked().len(), 1);
}
