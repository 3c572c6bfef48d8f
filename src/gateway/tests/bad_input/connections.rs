//! Connections that are slow, half-open or broken off, and many at once. None of them holds up the next request.

use super::requests::{Answer, Request, read};
use super::{Device, House, Patience, Size, houses, houses_with};
use russet_protocol::command::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

const SHORT: Patience = Patience {
    pause: Duration::from_millis(400),
    base: Duration::from_secs(1),
    rate: 1 << 20,
    most: Duration::from_secs(5),
};

/// Whether the server ends this connection by itself.
async fn is_ended(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test]
async fn half_open_connections_end_and_hold_up_nobody() {
    for house in houses_with(SHORT, Size::default()).await {
        let mut silent = TcpStream::connect(house.address).await.unwrap();
        let mut noise = TcpStream::connect(house.address).await.unwrap();
        noise.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut half_hello = TcpStream::connect(house.address).await.unwrap();
        half_hello.write_all(&[0x16, 3, 1, 2, 0, 1]).await.unwrap();
        let mut half_head = house.connect(None).await;
        half_head.write_all(b"PUT /mdm HTTP/1.1\r\nHost: local").await.unwrap();
        drop(house.connect(None).await);
        house.healthy("half-open connections").await;
        assert!(is_ended(&mut silent).await && is_ended(&mut noise).await && is_ended(&mut half_hello).await);
        assert!(is_ended(&mut half_head).await);
        house.healthy("their end").await;
    }
}

#[tokio::test]
async fn a_slow_body_is_refused_as_slow_and_loses_nothing() {
    for house in houses_with(SHORT, Size::default()).await {
        let waiting = house.queue(&house.bad, &Command::DeviceConfigured).await;
        for (path, name) in [("PUT /mdm", "a report"), ("POST /scep?operation=PKIOperation", "a SCEP message")] {
            let idle = Request::new(path, &house.bad.idle()).of(&house.bad);
            let mut stream = house.connect(idle.identity.as_ref()).await;
            let bytes = idle.bytes();
            stream.write_all(&bytes[..bytes.len() - 40]).await.unwrap();
            house.healthy(name).await;
            assert_eq!(read(&mut stream).await.status, 408, "{name} that stands still");
        }
        broken_off(&house).await;
        let idle = Request::report(&house.bad.idle()).of(&house.bad);
        assert_eq!(super::delivered(&idle.send(&house).await), Some(waiting));
    }
}

async fn broken_off(house: &House) {
    let idle = Request::report(&house.bad.idle()).of(&house.bad);
    let bytes = idle.bytes();
    for end in [10, bytes.len() / 2, bytes.len() - 1] {
        let mut stream = house.connect(idle.identity.as_ref()).await;
        stream.write_all(&bytes[..end]).await.unwrap();
        drop(stream);
        house.healthy("a broken connection").await;
    }
}

#[tokio::test]
async fn many_requests_of_one_device_at_once_are_each_answered() {
    for house in houses().await {
        let mut waiting = Vec::new();
        for _ in 0..5 {
            waiting.push(house.queue(&house.bad, &Command::DeviceConfigured).await);
        }
        let idle = Request::report(&house.bad.idle()).of(&house.bad);
        let goodbye = Request::check_in(b"no list").of(&house.bad);
        let requests = (0..40).map(|number| if number % 8 == 7 { &goodbye } else { &idle });
        let answers = futures_util::future::join_all(requests.map(|request| request.send(&house))).await;
        for (number, answer) in answers.iter().enumerate() {
            assert_eq!(answer.status, if number % 8 == 7 { 400 } else { 200 }, "{}", answer.text());
        }
        house.healthy("many at once").await;
        assert_eq!(
            super::delivered(&idle.send(&house).await),
            waiting.into_iter().next(),
            "in order, each still there"
        );
    }
}

/// The first half of a long request, and its second half.
async fn half(house: &House, request: &Request) -> (TlsStream<TcpStream>, Vec<u8>) {
    let mut stream = house.connect(request.identity.as_ref()).await;
    let mut bytes = request.bytes();
    let rest = bytes.split_off(bytes.len() / 2);
    stream.write_all(&bytes).await.unwrap();
    stream.flush().await.unwrap();
    (stream, rest)
}

/// The refusal of a request, once what was sent before it has arrived.
async fn until_full(house: &House, request: &Request) -> Answer {
    for _ in 0..100 {
        let answer = request.send(house).await;
        if answer.status != 200 {
            assert_eq!(answer.status, 429, "{}", answer.text());
            return answer;
        }
    }
    panic!("there is room for everything");
}

#[tokio::test]
async fn long_messages_share_a_bounded_room_and_short_ones_need_none() {
    let room = Size { bodies: 3, reading: 1, each: 2, wait: Duration::from_secs(2) };
    let patient = Patience { pause: Duration::from_secs(20), ..SHORT };
    for house in houses_with(Patience { base: Duration::from_secs(30), most: patient.pause * 2, ..patient }, room).await
    {
        let of_size = |device: &Device, size: usize| {
            let mut report = device.idle();
            report.resize(size, b'\n');
            Request::report(&report).of(device)
        };
        let (mut stream, rest) = half(&house, &of_size(&house.bad, 5 << 19)).await;
        let refused = until_full(&house, &of_size(&house.good, 3 << 19)).await;
        assert!(refused.head.contains("retry-after: 30"), "{}", refused.head);
        assert!(house.log.text().contains("too many are under way"));
        house.healthy("a full room").await;
        let stranger = Request::report(&vec![b' '; 900_000]).send(&house).await;
        assert_eq!(stranger.status, 400, "strangers take no room: {}", stranger.text());
        assert_eq!(of_size(&house.bad, 100_000).send(&house).await.status, 429, "no room for a second one");
        let waiting = of_size(&house.good, 3 << 19);
        let finish = async {
            stream.write_all(&rest).await.unwrap();
            stream.flush().await.unwrap();
            read(&mut stream).await.status
        };
        let (late, first) = tokio::join!(waiting.send(&house), finish);
        assert_eq!((first, late.status), (200, 200), "who waits gets the room that is given back");
    }
}

#[tokio::test]
async fn one_device_does_not_take_the_room_of_all() {
    let patience = Patience { pause: Duration::from_secs(20), base: Duration::from_secs(30), ..SHORT };
    let patience = Patience { most: Duration::from_secs(40), ..patience };
    for house in houses_with(patience, Size { each: 2, ..Size::default() }).await {
        let of = |device: &Device| {
            let mut report = device.idle();
            report.resize(300_000, b'\n');
            Request::report(&report).of(device)
        };
        let mut slow = vec![half(&house, &of(&house.bad)).await, half(&house, &of(&house.bad)).await];
        until_full(&house, &of(&house.bad)).await;
        assert_eq!(of(&house.good).send(&house).await.status, 200, "others have room");
        for (stream, rest) in &mut slow {
            stream.write_all(rest).await.unwrap();
            stream.flush().await.unwrap();
            assert_eq!(read(stream).await.status, 200);
        }
        assert_eq!(of(&house.bad).send(&house).await.status, 200);
    }
}

#[tokio::test]
async fn what_is_no_http_request_of_ours_is_refused_and_holds_up_nobody() {
    for house in houses_with(SHORT, Size::default()).await {
        let idle = String::from_utf8(house.bad.idle()).unwrap();
        let put = |rest: &str| format!("PUT /mdm HTTP/1.1\r\nHost: localhost\r\n{rest}");
        let length = idle.len();
        for (name, bytes, status) in [
            ("no HTTP", "HELLO\r\n\r\n".to_owned(), 400),
            ("a length that is none", put("Content-Length: many\r\n\r\n"), 400),
            ("two lengths", put(&format!("Content-Length: 1\r\nContent-Length: {length}\r\n\r\n{idle}")), 400),
            ("a chunk that is none", put("Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n"), 400),
            ("an endless header", put(&format!("X: {}\r\n\r\n", "x".repeat(200_000))), 431),
            ("an endless path", format!("GET /enroll/{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(200_000)), 431),
            ("another method", "POST /mdm HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(), 405),
            ("markup in a link", get("/enroll/%3Cscript%3Ealert(1)%3C%2Fscript%3E"), 404),
            ("a template in a link", get("/enroll/%7B%7B7*7%7D%7D%24%7Bjndi%7D"), 404),
            ("a long link", get(&format!("/enroll/{}", "x".repeat(10_000))), 404),
        ] {
            let before = house.records().await;
            let mut stream = house.connect(Some(&house.bad.identity())).await;
            // A peer that refuses early may close while we still write: its answer counts.
            let _ = stream.write_all(bytes.as_bytes()).await;
            let _ = stream.flush().await;
            let answer = read(&mut stream).await;
            let text = answer.text();
            assert!(!text.contains("<script>") && !text.contains("{{") && !text.contains("${"), "{name}: {text}");
            assert_eq!(answer.status, status, "{name}: {text}");
            assert_eq!(house.records().await, before, "{name}");
            house.healthy(name).await;
        }
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}
