//! The accounting invariant.
