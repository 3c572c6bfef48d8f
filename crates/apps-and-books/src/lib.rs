//! Client of Apple's license service (App and Book Management API) and of its metadata lookup.
