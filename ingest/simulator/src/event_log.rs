//! Records of the Windows event log, as Winlogbeat forwards them: one JSON object per line.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    cbs::Subject,
    clock::Clock,
    locale::Texts,
    random::Random,
    scenario::{Fault, Occurrence, Stage},
    schedule::{Ending, Happening, What},
    update::{KnownUpdate, RESTART_TAKES, SERVICING_BEGINS, VERDICT_AFTER},
};

/// Tag of this log's streams of random numbers.
const STREAM: u64 = 0xe7;

const SYSTEM: &str = "System";
const SETUP: &str = "Setup";
const OPERATIONAL: &str = "Microsoft-Windows-WindowsUpdateClient/Operational";
const UPDATE_CLIENT: &str = "Microsoft-Windows-WindowsUpdateClient";
const SERVICING: &str = "Microsoft-Windows-Servicing";
const SERVICE_GUID: &str = "{9482f4b4-e343-43b6-b170-9a65bc822c77}";

/// Writes the records of a device that lived through these happenings.
pub(crate) fn write(subject: &Subject<'_>, happenings: &[Happening]) -> String {
    let device = subject.device;
    let mut first = Random::for_path(&[subject.seed, STREAM, u64::from(device.index)]);
    // Winlogbeat writes event ids as numbers up to version 7 and as text since 8.
    let ids_are_text = first.chance(0.5);
    let mut log = EventLog {
        out: String::with_capacity(32 * 1024),
        clock: Clock::new(jiff::Timestamp::UNIX_EPOCH, &device.zone),
        random: first.clone(),
        computer: device.computer_name(),
        host: device.name.clone(),
        agent: if ids_are_text { "8.14.3" } else { "7.17.22" },
        ids_are_text,
        texts: device.language.texts(),
        next_record: [SYSTEM, SETUP, OPERATIONAL, "Application"]
            .into_iter()
            .map(|channel| (channel, u64::from(first.between(900, 90_000))))
            .collect(),
    };
    for happening in happenings {
        log.clock.set(happening.at);
        log.random = subject.random(STREAM, happening);
        match happening.what {
            What::Boot(unclean) => log.boot(subject, unclean),
            What::RoutineScan => log.found(0),
            What::DefinitionUpdate if !device.is_legacy() => log.definition_update(subject),
            What::Attempt(index, ending) => log.attempt(subject, index, ending),
            What::Restart(completes) => log.restart(subject, completes),
            _ => {}
        }
    }
    log.out
}

struct EventLog {
    out: String,
    clock: Clock,
    random: Random,
    computer: String,
    host: String,
    agent: &'static str,
    ids_are_text: bool,
    texts: &'static Texts,
    next_record: BTreeMap<&'static str, u64>,
}

impl EventLog {
    fn pass(&mut self, low_seconds: u32, high_seconds: u32) {
        self.clock
            .pass_ms(&mut self.random, low_seconds * 1000, high_seconds * 1000);
    }

    fn record(&mut self, occurrence: &Occurrence) {
        let number = self.next_record.entry(occurrence.channel).or_insert(1);
        *number += 1;
        let record_id = *number;
        let event_id = if self.ids_are_text {
            json!(occurrence.event_id.to_string())
        } else {
            json!(occurrence.event_id)
        };
        let data: Map<String, Value> = occurrence
            .data
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        let mut winlog = json!({
            "api": "wineventlog", "channel": occurrence.channel, "provider_name": occurrence.provider, "event_id": event_id, "record_id": record_id,
            "computer_name": self.computer, "process": {"pid": self.random.process_id(), "thread": {"id": self.random.process_id()}},
        });
        if let Some(fields) = winlog.as_object_mut() {
            // The servicing stack writes UserData where others write EventData.
            fields.insert(
                if occurrence.channel == SETUP {
                    "user_data"
                } else {
                    "event_data"
                }
                .to_owned(),
                Value::Object(data),
            );
        }
        let at = self.clock.utc();
        let millis = at.subsec_nanosecond() / 1_000_000;
        let line = json!({
            "@timestamp": format!("{}.{millis:03}Z", at.strftime("%Y-%m-%dT%H:%M:%S")),
            "agent": {"type": "winlogbeat", "version": self.agent},
            "event": {"code": occurrence.event_id.to_string(), "kind": "event", "provider": occurrence.provider},
            "host": {"name": self.host},
            "log": {"level": occurrence.level},
            "message": occurrence.message,
            "winlog": winlog,
        });
        self.out.push_str(&line.to_string());
        self.out.push('\n');
    }

    fn say(
        &mut self,
        channel: &'static str,
        provider: &'static str,
        event_id: u32,
        level: &'static str,
        data: Vec<(&'static str, String)>,
        message: String,
    ) {
        self.record(&Occurrence {
            channel,
            provider,
            event_id,
            level,
            data,
            message,
        });
    }

    fn client(
        &mut self,
        event_id: u32,
        level: &'static str,
        data: Vec<(&'static str, String)>,
        message: String,
    ) {
        self.say(SYSTEM, UPDATE_CLIENT, event_id, level, data, message);
    }

    fn boot(&mut self, subject: &Subject<'_>, unclean: bool) {
        let device = subject.device;
        let start = self
            .clock
            .utc()
            .strftime("%Y-%m-%dT%H:%M:%S.500000000Z")
            .to_string();
        self.say(
            SYSTEM,
            "Microsoft-Windows-Kernel-General",
            12,
            "information",
            vec![
                ("MajorVersion", "10".to_owned()),
                ("BuildVersion", device.build.to_string()),
                ("StartTime", start.clone()),
            ],
            device.language.texts().started.replace("{time}", &start),
        );
        if unclean {
            let data = vec![
                ("BugcheckCode", "0".to_owned()),
                ("PowerButtonTimestamp", "0".to_owned()),
                ("SleepInProgress", "0".to_owned()),
            ];
            self.say(
                SYSTEM,
                "Microsoft-Windows-Kernel-Power",
                41,
                "critical",
                data,
                device.language.texts().unclean_restart.to_owned(),
            );
        }
        self.pass(20, 60);
        let state = |service: &str| {
            vec![
                ("param1", service.to_owned()),
                ("param2", "running".to_owned()),
            ]
        };
        self.say(
            SYSTEM,
            "Service Control Manager",
            7036,
            "information",
            state("Windows Modules Installer"),
            device
                .language
                .texts()
                .service_runs
                .replace("{service}", "Windows Modules Installer"),
        );
    }

    fn found(&mut self, updates: u32) {
        self.pass(5, 30);
        let [found, _] = self.texts.searches;
        self.say(
            OPERATIONAL,
            UPDATE_CLIENT,
            26,
            "information",
            vec![
                ("updateCount", updates.to_string()),
                ("serviceGuid", SERVICE_GUID.to_owned()),
            ],
            found.replace("{count}", &updates.to_string()),
        );
    }

    fn definition_update(&mut self, subject: &Subject<'_>) {
        let title = format!(
            "Security Intelligence Update for Microsoft Defender Antivirus - KB2267602 (Version 1.417.{}.0) - Current Channel (Broad)",
            self.random.between(10, 3_000)
        );
        let id = self.random.guid().to_lowercase();
        self.begin_update(subject, &title, &id, "200", 30);
        self.pass(8, 60);
        self.update_succeeded(subject, &title, &id, "200");
    }

    fn begin_update(
        &mut self,
        subject: &Subject<'_>,
        title: &str,
        id: &str,
        revision: &str,
        download_seconds: u32,
    ) {
        let texts = subject.device.language.texts();
        let data = update_data(title, id, revision);
        let begun = self.clock.at();
        self.client(
            44,
            "information",
            data.clone(),
            texts.download_started.to_owned(),
        );
        self.clock.pass_until(begun, download_seconds);
        self.client(
            43,
            "information",
            data,
            texts.install_started.replace("{title}", title),
        );
    }

    fn update_succeeded(&mut self, subject: &Subject<'_>, title: &str, id: &str, revision: &str) {
        let mut data = update_data(title, id, revision);
        data.push(("serviceGuid", SERVICE_GUID.to_owned()));
        self.client(
            19,
            "information",
            data,
            subject
                .device
                .language
                .texts()
                .installed
                .replace("{title}", title),
        );
    }

    fn update_failed(&mut self, subject: &Subject<'_>, update: &KnownUpdate, code: u32) {
        let title = update.title(subject.device);
        let mut data = vec![("errorCode", format!("0x{code:08x}"))];
        data.extend(update_data(
            &title,
            &update.update_id.to_lowercase(),
            &update.revision.to_string(),
        ));
        data.push(("serviceGuid", SERVICE_GUID.to_owned()));
        let message = subject
            .device
            .language
            .texts()
            .install_failed
            .replace("{code}", &format!("0x{code:08X}"))
            .replace("{title}", &title);
        self.client(20, "error", data, message);
    }

    /// A record of the servicing stack: 1 initiated, 2 changed, 3 failed, 4 needs a restart.
    fn servicing(&mut self, subject: &Subject<'_>, update: &KnownUpdate, event_id: u32, code: u32) {
        let kb = format!("KB{}", update.kb_article);
        let (element, state) = match event_id {
            1 => (
                "CbsPackageInitiateChanges",
                ("InitialPackageState", "Absent"),
            ),
            4 => (
                "CbsPackageRebootRequired",
                ("IntendedPackageStateTextized", "Installed"),
            ),
            _ => (
                "CbsPackageChangeState",
                ("IntendedPackageStateTextized", "Installed"),
            ),
        };
        let data = vec![
            ("xml_name", element.to_owned()),
            ("PackageIdentifier", kb.clone()),
            ("IntendedPackageState", "5112".to_owned()),
            (state.0, state.1.to_owned()),
            ("ErrorCode", format!("0x{code:x}")),
            ("Client", "UpdateAgentLCU".to_owned()),
        ];
        let texts = subject.device.language.texts().servicing;
        let text = texts
            .get(event_id.saturating_sub(1) as usize)
            .copied()
            .unwrap_or_default();
        self.say(
            SETUP,
            SERVICING,
            event_id,
            "information",
            data,
            text.replace("{kb}", &kb)
                .replace("{code}", &format!("0x{code:x}")),
        );
    }

    fn attempt(&mut self, subject: &Subject<'_>, index: usize, ending: Ending) {
        let Some(update) = subject.update(index) else {
            return;
        };
        let fault = subject
            .case
            .map(|case| &case.fault)
            .filter(|_| ending == Ending::Failed);
        if let Some(fault) = fault {
            return self.failed_attempt(subject, update, fault);
        }
        self.found(1);
        self.begin_update(
            subject,
            &update.title(subject.device),
            &update.update_id.to_lowercase(),
            &update.revision.to_string(),
            SERVICING_BEGINS - 30,
        );
        self.pass(14, 24);
        self.servicing(subject, update, 1, 0);
        if ending == Ending::PendingRestart {
            self.pass(600, 1_800);
            self.servicing(subject, update, 4, 0);
        }
    }

    fn failed_attempt(&mut self, subject: &Subject<'_>, update: &KnownUpdate, fault: &Fault) {
        let code = fault.code.0;
        if fault.stage == Stage::Download {
            self.found(1);
        }
        if fault.stage == Stage::Install {
            self.found(1);
            self.begin_update(
                subject,
                &update.title(subject.device),
                &update.update_id.to_lowercase(),
                &update.revision.to_string(),
                SERVICING_BEGINS - 30,
            );
            self.pass(14, 24);
            self.servicing(subject, update, 1, 0);
        }
        for occurrence in &fault.events {
            self.pass(3, 12);
            self.record(occurrence);
        }
        self.pass(30, 70);
        match fault.stage {
            Stage::Install | Stage::Restart => {
                self.servicing(subject, update, 3, fault.servicing_code.0);
                self.pass(0, 2);
                self.update_failed(subject, update, code);
            }
            Stage::Scan => {
                let [_, failed] = self.texts.searches;
                let message = failed.replace("{code}", &format!("0x{code:08X}"));
                self.say(
                    OPERATIONAL,
                    UPDATE_CLIENT,
                    25,
                    "error",
                    vec![("errorCode", format!("0x{code:08x}"))],
                    message,
                );
            }
            Stage::Download => {
                let mut data = vec![("errorCode", format!("0x{code:08x}"))];
                data.extend(update_data(
                    &update.title(subject.device),
                    &update.update_id.to_lowercase(),
                    &update.revision.to_string(),
                ));
                self.say(
                    OPERATIONAL,
                    UPDATE_CLIENT,
                    31,
                    "error",
                    data,
                    "Windows Update failed to download an update.".to_owned(),
                );
            }
            Stage::SearchStart | Stage::Elsewhere => {}
        }
    }

    fn restart(&mut self, subject: &Subject<'_>, completes: bool) {
        let Some(update) = subject.update(0) else {
            return;
        };
        let begun = self.clock.at();
        let data = vec![
            (
                "param1",
                "C:\\Windows\\system32\\MusNotificationUx.exe".to_owned(),
            ),
            ("param2", subject.device.name.clone()),
            (
                "param3",
                "Operating System: Service pack (Planned)".to_owned(),
            ),
            ("param4", "0x80020010".to_owned()),
            ("param5", "restart".to_owned()),
            ("param6", String::new()),
            ("param7", "NT AUTHORITY\\SYSTEM".to_owned()),
        ];
        self.say(
            SYSTEM,
            "User32",
            1074,
            "information",
            data,
            self.texts
                .restart_begun
                .replace("{name}", &subject.device.name),
        );
        self.clock.pass_until(begun, RESTART_TAKES);
        self.boot(subject, false);
        self.clock.pass_until(begun, VERDICT_AFTER);
        self.pass(0, 60);
        if let Some(fault) = subject.case.map(|case| &case.fault).filter(|_| !completes) {
            for occurrence in &fault.events {
                self.record(occurrence);
            }
            self.servicing(subject, update, 3, fault.servicing_code.0);
            self.pass(0, 2);
            self.update_failed(subject, update, fault.code.0);
        } else {
            self.servicing(subject, update, 2, 0);
            self.pass(0, 2);
            self.update_succeeded(
                subject,
                &update.title(subject.device),
                &update.update_id.to_lowercase(),
                &update.revision.to_string(),
            );
        }
    }
}

fn update_data(title: &str, id: &str, revision: &str) -> Vec<(&'static str, String)> {
    vec![
        ("updateTitle", title.to_owned()),
        ("updateGuid", format!("{{{id}}}")),
        ("updateRevisionNumber", revision.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::tests::{excerpt, subject_of};

    #[test]
    fn a_damaged_file_system_shows_in_the_event_log() {
        let (mut fixture, happenings) = subject_of(crate::Scenario::FileSystemDamaged);
        fixture.set_language(crate::Language::Chinese);
        let log = write(&fixture.subject(), &happenings);
        insta::assert_snapshot!(excerpt(&log, "\"provider\":\"Ntfs\"", 5));
    }
}
