//! Scenarios of the queue, each on every database.

mod acts;
mod admission;
mod answers;
mod desk;
mod forbidden;
mod given;
mod hostile;
mod inventory;
mod meanwhile;
mod order;
mod plans;
mod time;
