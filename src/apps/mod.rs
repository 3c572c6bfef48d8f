//! The heart: what is wanted, the reconciler that makes it true, and the reason for every state. The thinking itself is russet_planner.
