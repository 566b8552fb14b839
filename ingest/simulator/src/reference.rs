//! The reference data that an operator of the rollout would have: what is planned, what the update
//! needs, what its package's hash is.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use crate::{
    device::{Device, RINGS},
    plan::{Plan, Release},
    random::Random,
    text::put_line,
};

/// Id of the rollout.
pub(crate) fn rollout_id(release: &Release) -> String {
    format!("{}-kb{}", release.month, release.kb_article)
}

/// Name of the update's package as the catalogue offers it: with the SHA-1 of its content.
pub(crate) fn package_file_name(release: &Release, seed: u64) -> String {
    let sha1 = Random::for_path(&[seed, 0x5a1, u64::from(release.kb_article)]).hex(40);
    format!("windows10.0-kb{}-x64_{sha1}.msu", release.kb_article)
}

fn published_hash(kb_article: u32, seed: u64) -> String {
    Random::for_path(&[seed, 0x5a256, u64::from(kb_article)]).hex(64)
}

/// The hash that the update's package really has.
pub(crate) fn package_hash(release: &Release, seed: u64) -> String {
    published_hash(release.kb_article, seed)
}

/// published-hashes.csv: this update and those of the months before.
pub(crate) fn published_hashes(release: &Release, seed: u64) -> String {
    let mut out = String::from("kb_article,file_name,sha256\n");
    put_line!(
        out,
        "{},{},{}",
        release.kb_article,
        package_file_name(release, seed),
        package_hash(release, seed)
    );
    for update in &release.earlier {
        let sha1 = Random::for_path(&[seed, 0x5a1, u64::from(update.kb_article)]).hex(40);
        put_line!(
            out,
            "{kb},windows10.0-kb{kb}-x64_{sha1}.msu,{}",
            published_hash(update.kb_article, seed),
            kb = update.kb_article
        );
    }
    out
}

/// prerequisites.csv: what must be there before which update, by build.
pub(crate) fn prerequisites(release: &Release) -> String {
    let (requires_kb, min_ubr, _) = release.requires;
    let mut out = String::from("kb_article,os_build_number,requires_kb,requires_min_ubr,kind\n");
    for build in std::iter::once(release.base_build).chain(release.builds.iter().copied()) {
        put_line!(
            out,
            "{},{build},{requires_kb},{min_ubr},ssu",
            release.kb_article
        );
    }
    out.push_str("5025229,17763,5005112,2114,ssu\n");
    out
}

fn at_utc(day: Date, hour: i8) -> Timestamp {
    day.at(hour, 0, 0, 0)
        .to_zoned(TimeZone::UTC)
        .map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
}

/// A field of a CSV file, in quotes where it needs them: names and reasons are free text.
fn field(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\"")).into()
    } else {
        text.into()
    }
}

/// rollout.csv: the one rollout that is simulated.
pub(crate) fn rollout(plan: &Plan) -> String {
    let release = &plan.release;
    let released = at_utc(plan.start, 17);
    let first_ring = RINGS.first().map_or(1, |(_, days)| i64::from(*days));
    let started = released + SignedDuration::from_hours(first_ring * 24);
    let deadline = released + SignedDuration::from_hours(14 * 24);
    let targets: Vec<String> = release
        .builds
        .iter()
        .map(|build| format!("{build}:{}", release.ubr))
        .collect();
    format!(
        "rollout_id,name,kb_article,release_at,started_at,deadline_at,target_builds\n{},{} cumulative update,{},{released},{started},{deadline},{}\n",
        rollout_id(release),
        release.month,
        release.kb_article,
        targets.join(";"),
    )
}

/// rollout-devices.csv: every planned device; `exclusions` holds the reason of each that is left out.
pub(crate) fn rollout_devices(plan: &Plan, devices: &[(Device, Option<&'static str>)]) -> String {
    let id = rollout_id(&plan.release);
    let mut out =
        String::from("rollout_id,device_id,device_name,site,ring,excluded,exclusion_reason\n");
    for (device, exclusion) in devices {
        let ring = RINGS.get(device.ring).map_or("", |(name, _)| name);
        put_line!(
            out,
            "{id},{name},{name},{},{ring},{},{}",
            field(&device.site),
            u8::from(exclusion.is_some()),
            field(exclusion.unwrap_or_default()),
            name = field(&device.name)
        );
    }
    out
}
