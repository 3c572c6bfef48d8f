//! Configuration profiles: imported, composed, delivered. Must never build one as text.
