//! Alert rules over the store, their states, and the ways to tell somebody.
