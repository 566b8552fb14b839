//! Which update the plans bring to a device at a time.

use jiff::Timestamp;

use super::{Reference, Rollout, servicing_branch};

impl Reference {
    /// The update that a rollout brings to this device at a time, in microseconds since 1970: of the rollouts
    /// that have begun, that of the last. Rollouts stay in the plans for ever, so that most devices are in
    /// several. `None` when none has begun, or two with different updates began together.
    pub fn kb_planned_for(&self, device_id: &str, build: Option<u32>, at: i64) -> Option<u32> {
        let has_begun = |(began, _): &(i64, u32)| *began <= at;
        let begun = || self.rollouts_for(device_id, build).filter(has_begun);
        only_of(begun().map(|(began, _)| began).max()?, begun())
    }

    /// The same for what a device is prepared for: where no rollout has begun, the update of the first to come.
    pub fn kb_planned_next_for(&self, device_id: &str, build: Option<u32>, at: i64) -> Option<u32> {
        let to_come = || {
            self.rollouts_for(device_id, build)
                .filter(|(began, _)| *began > at)
        };
        if to_come().count() < self.rollouts_for(device_id, build).count() {
            return self.kb_planned_for(device_id, build, at);
        }
        only_of(to_come().map(|(began, _)| began).min()?, to_come())
    }

    /// When the rollouts that this device is in began, and their updates. One without a time began before all
    /// others.
    fn rollouts_for(
        &self,
        device_id: &str,
        build: Option<u32>,
    ) -> impl Iterator<Item = (i64, u32)> {
        let listed = move |rollout: &Rollout| {
            self.rollout_devices
                .of_device(device_id)
                .any(|device| device.rollout_id == rollout.rollout_id && !device.is_excluded)
        };
        let fits_build = move |rollout: &Rollout| {
            build.is_some_and(|build| {
                self.target_builds.iter().any(|target| {
                    target.kb_article == rollout.kb_article
                        && servicing_branch(target.os_build_number) == servicing_branch(build)
                })
            })
        };
        let fits = move |rollout: &&Rollout| {
            listed(rollout)
                || !self.rollout_devices.has_list(&rollout.rollout_id) && fits_build(rollout)
        };
        self.rollouts.iter().filter(fits).map(|rollout| {
            let began = rollout.started_at.or(rollout.release_at);
            let began = began.map_or(i64::MIN, Timestamp::as_microsecond);
            (began, rollout.kb_article)
        })
    }
}

/// The update of the rollouts that began at a time; `None` when they are different ones.
fn only_of(at: i64, rollouts: impl Iterator<Item = (i64, u32)>) -> Option<u32> {
    let mut together = rollouts.filter(|(began, _)| *began == at);
    let (_, kb) = together.next()?;
    together.all(|(_, other)| other == kb).then_some(kb)
}
