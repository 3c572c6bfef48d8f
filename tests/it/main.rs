//! Scenarios of the whole product, on real sockets and real databases. One binary, so that it is linked once.

#![expect(clippy::unwrap_used, reason = "a scenario that cannot go on fails there, with the place")]

mod channels;
mod databases;
mod demo;
mod docs;
mod kill;
mod odd_devices;
mod orders;
mod protocol_page;
mod raw_door;
mod renewal;
mod rooms;
mod schema;
mod start;
mod story;
mod whole_path;
