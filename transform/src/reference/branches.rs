//! Servicing branches: which builds get the same updates.

/// Builds that share their updates: 19042 to 19045 are 19041 with features switched on.
const SERVICING_BRANCHES: [&[u32]; 4] = [
    &[18_362, 18_363],
    &[19_041, 19_042, 19_043, 19_044, 19_045],
    &[22_621, 22_631],
    &[26_100, 26_200],
];

fn branch_with(build: u32) -> Option<&'static [u32]> {
    SERVICING_BRANCHES
        .into_iter()
        .find(|branch| branch.contains(&build))
}

/// All builds that get the updates of this one, itself among them.
pub fn builds_serviced_as(build: u32) -> Vec<u32> {
    branch_with(build).map_or_else(|| vec![build], <[u32]>::to_vec)
}

/// The build that stands for all that share their updates with this one.
pub fn servicing_branch(build: u32) -> u32 {
    branch_with(build)
        .and_then(|branch| branch.first().copied())
        .unwrap_or(build)
}
