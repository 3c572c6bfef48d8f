//! BER, CMS, SCEP messages, certificates and the device CA. No I/O.
