//! Against values from exact rational arithmetic (binomial) and 60-digit decimals (Poisson).

use proptest::prelude::*;

use super::{binomial_at_least, poisson_at_least};

const BINOMIAL: [(u64, u64, f64, f64); 13] = [
    (1, 1, 0.5, 0.5),
    (3, 10, 0.25, 4.744_071_960_449_219e-1),
    (5, 10, 0.5, 6.230_468_75e-01),
    (10, 10, 0.125, 9.313_225_746_154_785e-10),
    (6, 40, 0.007_812_5, 6.948_800_304_676_832e-7),
    (14, 60, 0.007_812_5, 3.909_880_562_973_467e-17),
    (1, 1000, 0.000_976_562_5, 6.235_762_019_432_76e-1),
    (50, 400, 0.031_25, 1.802_549_259_508_020_2e-16),
    (90, 100, 0.937_5, 9.519_529_796_378_116e-1),
    (2, 100, 0.5, 1.0),
    // Below the smallest number there is.
    (300, 400, 0.031_25, 0.0),
    (400, 400, 0.007_812_5, 0.0),
    (0, 10, 0.5, 1.0),
];

const POISSON: [(u64, f64, f64); 11] = [
    (1, 0.5, 3.934_693_402_873_666e-1),
    (5, 1.0, 3.659_846_827_343_712_2e-3),
    (10, 2.5, 2.773_520_946_208_360_4e-4),
    (3, 8.0, 9.862_460_322_559_97e-1),
    (100, 20.0, 3.488_878_669_689_653e-37),
    (300, 12.0, 1.187_690_171_369_328_4e-296),
    (20, 0.001, 4.106_404_902_830_125e-79),
    (1000, 1000.0, 5.042_052_441_802_155e-1),
    (900, 1000.0, 9.993_774_022_157_249e-1),
    (100_000, 99_000.0, 7.574_199_211_747_679e-4),
    (0, 3.0, 1.0),
];

#[track_caller]
fn close(found: f64, right: f64, relative: f64) {
    assert!(
        (found - right).abs() <= right * relative,
        "{found:e} is not {right:e}"
    );
}

#[test]
fn tails_are_right_to_the_extremes() {
    for (observed, trials, rate, right) in BINOMIAL {
        close(binomial_at_least(observed, trials, rate), right, 1e-11);
    }
    for (observed, expected, right) in POISSON {
        // ln Γ of 100,000 is a million: of its sixteen digits ten are left of the point's other side.
        close(poisson_at_least(observed, expected), right, 1e-9);
    }
}

#[test]
fn what_cannot_be_and_what_must_be() {
    for (observed, trials, rate, right) in [
        (1, 0, 0.5, 0.0),
        (5, 4, 0.9, 0.0),
        (1, 10, 0.0, 0.0),
        (0, 10, 0.0, 1.0),
        (10, 10, 1.0, 1.0),
    ] {
        close(binomial_at_least(observed, trials, rate), right, 0.0);
    }
    close(poisson_at_least(1, 0.0), 0.0, 0.0);
    assert!(binomial_at_least(1, 2, f64::NAN).is_nan() && binomial_at_least(1, 2, 1.5).is_nan());
    assert!(poisson_at_least(1, -1.0).is_nan() && poisson_at_least(1, f64::INFINITY).is_nan());
}

#[test]
fn a_large_fleet_takes_no_time() {
    close(
        binomial_at_least(500_000, 1_000_000, 0.5),
        0.500_398_942_213_9,
        1e-7,
    );
    close(
        poisson_at_least(1_000_000, 1_000_000.0),
        0.500_132_980_6,
        1e-6,
    );
}

proptest! {
    #[test]
    fn a_tail_is_a_probability_and_falls(observed in 0_u64..300, trials in 0_u64..300, rate in 0.0..1.0_f64) {
        let (here, next) = (binomial_at_least(observed, trials, rate), binomial_at_least(observed + 1, trials, rate));
        prop_assert!((0.0..=1.0).contains(&here) && next <= here + 1e-12, "{here} {next}");
        let mean = rate * 300.0;
        let (here, next) = (poisson_at_least(observed, mean), poisson_at_least(observed + 1, mean));
        prop_assert!((0.0..=1.0).contains(&here) && next <= here + 1e-12, "{here} {next}");
    }
}
