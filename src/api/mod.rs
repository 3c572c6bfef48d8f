//! What admins' programs reach. Parse, authorize, call one function of a room, render. The one place where errors become HTTP.
