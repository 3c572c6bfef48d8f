//! Simulated devices, APNs and Apps and Books, after Apple's documents and independent of the server.
