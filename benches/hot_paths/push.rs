//! Pushes through the transport to the simulated APNs on this machine: TLS, HTTP/2, a client certificate. Both share the
//! machine's cores.

use crate::table::{Latencies, Table};
use crate::world::TOPIC;
use russet_apns::{Client, MdmPush, Roots, Settings};
use russet_protocol::Topic;
use russet_simulator::apns::{Options, Simulator};
use std::sync::Arc;
use std::time::{Duration, Instant};

const PART: &str = "push";
const PUSHES: usize = 20_000;

pub(crate) async fn measure(table: &mut Table) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let identity = simulator.issue_push_certificate(&Topic::new(TOPIC).unwrap()).unwrap();
    let pem = identity.pem().unwrap();
    for (connections, at_once) in [(1, 1), (1, 100), (2, 100)] {
        let settings = Settings {
            url: simulator.push_url().to_owned(),
            roots: Roots::Pem(simulator.roots_pem().into_bytes()),
            connections,
            ..Settings::default()
        };
        let client = Arc::new(Client::new(&settings, &pem, &pem).unwrap());
        let each = PUSHES / if at_once == 1 { 10 } else { 1 } / at_once;
        let began = Instant::now();
        let senders: Vec<_> =
            (0..at_once).map(|sender| tokio::spawn(send(Arc::clone(&client), sender, each))).collect();
        let mut latencies = Vec::new();
        for sender in senders {
            latencies.extend(sender.await.unwrap());
        }
        let took = began.elapsed().as_secs_f64();
        table
            .add(
                PART,
                format!("{connections} connection(s), {at_once} at once"),
                latencies.len() as f64 / took,
                "pushes/s",
            )
            .latencies(&Latencies::new(latencies));
    }
    simulator.stop().await;
}

async fn send(client: Arc<Client>, sender: usize, count: usize) -> Vec<Duration> {
    let mut latencies = Vec::with_capacity(count);
    for number in 0..count {
        let token = format!("{:064x}", sender * 1_000 + number % 1_000);
        let push = MdmPush::new(&token, "9F1C6A1E-0D53-4A0B-9D40-3C1B3F0E8C11", TOPIC, 4_000_000_000);
        let began = Instant::now();
        let answer = client.send(&push).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        latencies.push(began.elapsed());
    }
    latencies
}
