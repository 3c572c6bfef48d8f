//! Listeners, TLS, client certificates, limits, orderly stop. Knows nothing of MDM.
