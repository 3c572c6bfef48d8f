//! Devices: who they are, what is known to be on them, and which of them somebody has to look at again.
//!
//! The rooms above record facts here and mark devices dirty; the reconciler comes to look. This room must never plan, nor call up:
//! it does not know who reads its marks.

pub mod certificates;
pub mod devices;
pub mod dirty;
pub mod installed_apps;
pub mod installed_profiles;
pub mod inventory;
pub mod lists;
pub mod managed_apps;
pub mod small_lists;
pub mod standing;
pub mod users;
