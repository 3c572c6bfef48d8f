//! What devices reach: /mdm, /checkin, /scep, /enroll and Apple's webhook. HTTP in, protocol types out, one call into a room below. Must never answer 401: it un-enrolls the device.
