//! HTTP/2 transport to Apple's push service, over a2's types.
