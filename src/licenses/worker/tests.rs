//! Stories of licenses, against a simulated Apps and Books.
