//! Connections that are slow, half-open or broken off, and many at once. None of them holds up the next request.

use super::requests::{Request, read};
use super::{House, Patience, houses, houses_with};
use russet_protocol::command::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SHORT: Patience = Patience { pause: Duration::from_millis(400), base: Duration::from_secs(1), rate: 1 << 20 };

/// Whether the server ends this connection by itself.
async fn is_ended(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test]
async fn half_open_connections_end_and_hold_up_nobody() {
    for house in houses_with(SHORT).await {
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
    for house in houses_with(SHORT).await {
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
