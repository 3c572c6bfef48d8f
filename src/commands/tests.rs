//! Scenarios of the queue, each on every database.

mod answers;
mod desk;
mod hostile;
mod order;
mod time;
