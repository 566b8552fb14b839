//! Moves events from the log through transform into the store; the delivery protocol lives here.
