//! App Store accounts and the mirror of Apple's records; every mutation at Apple goes through here. Must never take two licenses for one need.
