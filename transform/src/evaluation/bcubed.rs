//! BCubed precision and recall of a clustering (Bagga and Baldwin 1998): for each item, which part of
//! its found cluster belongs with it, and which part of what belongs with it was found; averaged over
//! items. Unlike purity it punishes both clusters that are too coarse and clusters that are too fine.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// How well found clusters agree with the true ones, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct BCubed {
    /// Low when clusters are too coarse: they hold what does not belong together.
    pub precision: f64,
    /// Low when clusters are too fine: they tear apart what belongs together.
    pub recall: f64,
}

/// Measures pairs of true and found cluster, one for each item; `None` for no items.
///
/// Items of equal pairs have equal scores, so that the work grows with the number of distinct pairs.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of devices, far below 2^52"
)]
pub fn bcubed<'a>(items: impl Iterator<Item = (&'a str, &'a str)>) -> Option<BCubed> {
    let mut pairs: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let (mut truth, mut found) = (BTreeMap::new(), BTreeMap::new());
    let mut total = 0_usize;
    for (expected, got) in items {
        *pairs.entry((expected, got)).or_default() += 1;
        *truth.entry(expected).or_insert(0_usize) += 1;
        *found.entry(got).or_insert(0_usize) += 1;
        total += 1;
    }
    let mean_share = |whole: &dyn Fn(&(&str, &str)) -> usize| {
        let sum: f64 = pairs
            .iter()
            .map(|(pair, count)| (*count as f64).powi(2) / whole(pair).max(1) as f64)
            .sum();
        sum / total as f64
    };
    (total > 0).then(|| BCubed {
        precision: mean_share(&|(_, got)| found.get(got).copied().unwrap_or_default()),
        recall: mean_share(&|(expected, _)| truth.get(expected).copied().unwrap_or_default()),
    })
}
