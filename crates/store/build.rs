//! Tells cargo that the migrations are part of this crate: `sqlx::migrate!` cannot see new files by itself.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
