//! Exact tails: how likely is it to see at least so many by chance.
//!
//! Both are sums of the probabilities themselves, taken on the side where these fall towards the end, so that
//! a tail of 10⁻³⁰⁰ is as right as one of 0.1: what would be cancelled by `1 − …` is never subtracted.

use std::f64::consts::PI;

/// Terms below this part of the sum no longer change it.
const NEGLIGIBLE: f64 = 1e-17;

/// Returns P(X ≥ `observed`) for X of `trials` independent trials with probability `rate` each.
///
/// # Output
/// From 0 to 1. `NaN` for a rate that is no probability.
pub fn binomial_at_least(observed: u64, trials: u64, rate: f64) -> f64 {
    if !(0.0..=1.0).contains(&rate) {
        return f64::NAN;
    }
    if observed == 0 {
        return 1.0;
    }
    if observed > trials || rate == 0.0 {
        return 0.0;
    }
    if rate >= 1.0 {
        return 1.0;
    }
    let (n, odds) = (float(trials), rate / (1.0 - rate));
    let term_at = |k: u64| {
        let k = float(k);
        let ways = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
        (ways + k * rate.ln() + (n - k) * (-rate).ln_1p()).exp()
    };
    if float(observed) > n * rate {
        // Upwards: p(k+1) = p(k) · (n−k)/(k+1) · odds.
        let ratio = |k: u64| (n - float(k)) / (float(k) + 1.0) * odds;
        sum_up(term_at(observed), observed, trials, ratio)
    } else {
        // What is below is the smaller side: p(k−1) = p(k) · k/(n−k+1) / odds.
        let ratio = |k: u64| float(k) / (n - float(k) + 1.0) / odds;
        1.0 - sum_down(term_at(observed - 1), observed - 1, ratio)
    }
}

/// Returns P(X ≥ `observed`) for X with a Poisson distribution of mean `expected`.
///
/// # Output
/// From 0 to 1. `NaN` for a mean that is negative or not finite.
pub fn poisson_at_least(observed: u64, expected: f64) -> f64 {
    if !expected.is_finite() || expected < 0.0 {
        return f64::NAN;
    }
    if observed == 0 {
        return 1.0;
    }
    if expected == 0.0 {
        return 0.0;
    }
    let term_at = |k: u64| {
        let k = float(k);
        (k * expected.ln() - expected - ln_gamma(k + 1.0)).exp()
    };
    if float(observed) > expected {
        sum_up(term_at(observed), observed, u64::MAX, |k| {
            expected / (float(k) + 1.0)
        })
    } else {
        1.0 - sum_down(term_at(observed - 1), observed - 1, |k| float(k) / expected)
    }
}

/// Sums terms from `k` up to `last`; `ratio(k)` leads from the k-th term to the next, and is below 1.
fn sum_up(first: f64, k: u64, last: u64, ratio: impl Fn(u64) -> f64) -> f64 {
    let (mut sum, mut term, mut k) = (first, first, k);
    while k < last {
        term *= ratio(k);
        sum += term;
        k += 1;
        if term <= sum * NEGLIGIBLE {
            break;
        }
    }
    sum.min(1.0)
}

/// Sums terms from `k` down to 0; `ratio(k)` leads from the k-th term to the one before, and is below 1.
fn sum_down(first: f64, k: u64, ratio: impl Fn(u64) -> f64) -> f64 {
    let (mut sum, mut term, mut k) = (first, first, k);
    while k > 0 {
        term *= ratio(k);
        sum += term;
        k -= 1;
        if term <= sum * NEGLIGIBLE {
            break;
        }
    }
    sum.min(1.0)
}

/// Returns ln Γ(x) for x ≥ 1: Stirling's series, after x was moved to where the series is exact enough.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 15.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse
        * (1.0 / 12.0
            - square
                * (1.0 / 360.0
                    - square * (1.0 / 1260.0 - square * (1.0 / 1680.0 - square / 1188.0))));
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + series - shift
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of devices are far below 2^53"
)]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
