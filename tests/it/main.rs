//! Scenarios of the whole product, on real sockets and real databases. One binary, so that it is linked once.

mod rooms;
mod schema;
