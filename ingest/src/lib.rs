//! Collectors: decode, parse, select and ship what a device's logs say.
