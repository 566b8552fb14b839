//! Writes true-to-form log bundles of a simulated rollout.
