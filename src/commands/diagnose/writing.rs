//! The answer of `diagnose` as a document: one device in full, or what several devices have in common.

use patchlens_queries::case::{
    Block, Document, Failure, Language, Section, Standing, article, cause_title, what_to_do,
    zone_note,
};
use patchlens_queries::names::{outcome_name, shortened, substate_name};
use patchlens_transform::report::{AttemptReport, DeviceReport, DiagnosisReport, EvidenceReport};
use patchlens_transform::{Explanation, SymbolConflict};

use super::{ClusterReport, DiagnoseReport, InputReport, explanation_text};

/// Widest culprit in a column.
const CULPRIT_CHARS: usize = 48;
/// Records that prove a cluster; `--format json` and each device alone have all of them.
const EVIDENCE_SHOWN: usize = 3;
/// Attempts without a failure that are listed for a device; the others are counted.
const GOOD_ATTEMPTS: usize = 10;

/// Lays the answer out.
pub(super) fn document(report: &DiagnoseReport, language: Language) -> Document {
    let (title, mut sections) = match report.devices.as_slice() {
        [device] => (
            device.device_name.clone(),
            of_device(device, report, language),
        ),
        devices => (
            language.of(
                format!("{} devices", devices.len()),
                format!("{} 台设备", devices.len()),
            ),
            of_fleet(report, language),
        ),
    };
    if !report.symbol_conflicts.is_empty() {
        let conflicts = report.symbol_conflicts.iter();
        let lines = conflicts.map(|conflict| conflict_text(conflict, language));
        sections.push(Section::new(
            language.of(
                "Symbols that contradict the catalogue",
                "与目录不一致的符号",
            ),
            lines.map(Block::text).collect(),
        ));
    }
    sections.push(Section::new(
        language.of("Input", "输入"),
        vec![Block::text(input_text(&report.input, language))],
    ));
    Document {
        title,
        language: language.tag().to_owned(),
        sections,
    }
}

fn of_device(device: &DeviceReport, report: &DiagnoseReport, language: Language) -> Vec<Section> {
    let build = if device.os_build.is_empty() {
        language.of("unknown", "未知").to_owned()
    } else {
        device.os_build.clone()
    };
    let mut sections = vec![Section::new(
        language.of("Device", "设备"),
        vec![Block::facts([
            (language.of("Build", "版本"), build),
            (language.of("Times", "时间"), times(device, language)),
        ])],
    )];
    if device.diagnoses.is_empty() {
        sections.push(Section::new(
            language.of("Problem", "问题"),
            vec![Block::text(
                language.of("No failure found.", "未发现故障。"),
            )],
        ));
    }
    for diagnosis in &device.diagnoses {
        let mut section = failure(device, diagnosis).section(language);
        section.blocks.extend(why(
            &device.device_id,
            &diagnosis.cluster_key,
            report,
            language,
        ));
        sections.push(section);
    }
    if !device.attempts.is_empty() {
        sections.push(attempts(&device.attempts, language));
    }
    sections
}

/// What is to be known of the device's times; empty when nothing is.
fn times(device: &DeviceReport, language: Language) -> String {
    zone_note(device.zone_assumed.iter().map(String::as_str), language).unwrap_or_default()
}

/// What fails, each failure once with its devices, and who is in order.
fn of_fleet(report: &DiagnoseReport, language: Language) -> Vec<Section> {
    let failing = report
        .devices
        .iter()
        .filter(|device| !device.diagnoses.is_empty())
        .count();
    let total = report.devices.len();
    let mut overview = vec![Block::text(language.of(
        format!(
            "{failing} of {total} devices fail, for {} reasons.",
            report.clusters.len()
        ),
        format!(
            "{total} 台设备中 {failing} 台失败，原因 {} 个。",
            report.clusters.len()
        ),
    ))];
    if !report.clusters.is_empty() {
        overview.push(overview_table(&report.clusters, language));
    }
    let mut sections = vec![Section::new(
        language.of("What fails", "失败原因"),
        overview,
    )];
    sections.extend(
        report
            .clusters
            .iter()
            .filter_map(|cluster| of_cluster(cluster, report, language)),
    );
    let healthy: Vec<&str> = report
        .devices
        .iter()
        .filter(|device| device.diagnoses.is_empty())
        .map(|device| device.device_name.as_str())
        .collect();
    if !healthy.is_empty() {
        sections.push(Section::new(
            &language.of(
                format!("No failure found on {} devices", healthy.len()),
                format!("{} 台设备未发现故障", healthy.len()),
            ),
            vec![Block::text(healthy.join(", "))],
        ));
    }
    sections
}

fn overview_table(clusters: &[ClusterReport], language: Language) -> Block {
    let header = language.of(
        ["Devices", "Cause", "At fault", "Updates", "Codes"],
        ["设备", "原因", "故障对象", "更新", "代码"],
    );
    let row = |cluster: &ClusterReport| {
        let standing = Standing::of(true, false, cluster.confidence);
        let mut cause = cause_title(&cluster.cause, language);
        if standing == Standing::Possible {
            cause = language.of(format!("perhaps: {cause}"), format!("可能：{cause}"));
        }
        vec![
            cluster.devices.len().to_string(),
            cause,
            shortened(
                cluster.culprit.as_deref().unwrap_or_default(),
                CULPRIT_CHARS,
            ),
            updates(cluster),
            cluster.error_codes.join(" "),
        ]
    };
    Block::table(&header, clusters.iter().map(row).collect())
}

fn updates(cluster: &ClusterReport) -> String {
    let names: Vec<String> = cluster
        .kb_articles
        .iter()
        .map(|kb| article(Some(*kb)))
        .collect();
    names.join(" ")
}

/// A cluster: told by the device whose diagnosis is the surest, then whom it hits.
fn of_cluster(
    cluster: &ClusterReport,
    report: &DiagnoseReport,
    language: Language,
) -> Option<Section> {
    let members: Vec<(&DeviceReport, &DiagnosisReport)> = report
        .devices
        .iter()
        .filter_map(|device| {
            let own = device.diagnoses.iter().filter(|d| !d.alternative);
            let mut own = own.filter(|d| d.cluster_key == cluster.cluster_key);
            own.next().map(|diagnosis| (device, diagnosis))
        })
        .collect();
    let (device, surest) = members.iter().copied().reduce(|best, next| {
        if next.1.confidence > best.1.confidence {
            next
        } else {
            best
        }
    })?;
    let told = failure(device, surest);
    let heading = format!("{} × {}", members.len(), told.heading(language));
    let mut blocks = vec![
        Block::text(told.summary),
        Block::facts([
            (language.of("At fault", "故障对象"), told.culprit),
            (language.of("Updates", "更新"), updates(cluster)),
            (language.of("Codes", "代码"), cluster.error_codes.join(" ")),
            (
                language.of("Confidence", "置信度"),
                format!("{:.2}", cluster.confidence),
            ),
            (
                language.of("Cluster", "故障簇"),
                cluster.cluster_key.clone(),
            ),
        ]),
    ];
    blocks.extend(told.evidence.into_iter().take(EVIDENCE_SHOWN));
    blocks.extend(what_to_do(told.steps, language));
    let header = language.of(
        ["Device", "Build", "Update", "Code", "Evidence"],
        ["设备", "版本", "更新", "代码", "证据"],
    );
    let rows = members.iter().map(|(device, diagnosis)| {
        vec![
            device.device_name.clone(),
            device.os_build.clone(),
            article(diagnosis.kb_article),
            diagnosis.error_code.clone().unwrap_or_default(),
            telling(diagnosis).map_or_else(String::new, place),
        ]
    });
    blocks.push(Block::table(&header, rows.collect()));
    blocks.extend(why(
        &device.device_id,
        &cluster.cluster_key,
        report,
        language,
    ));
    Some(Section::new(&heading, blocks))
}

/// The record that says more than the verdict, else the verdict.
fn telling(diagnosis: &DiagnosisReport) -> Option<&EvidenceReport> {
    let cause = |item: &&EvidenceReport| matches!(item.role.as_str(), "cause" | "culprit");
    diagnosis
        .evidence
        .iter()
        .find(cause)
        .or(diagnosis.evidence.first())
}

fn failure(device: &DeviceReport, diagnosis: &DiagnosisReport) -> Failure {
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let code = format!(
        "{} {}",
        or_empty(&diagnosis.error_code),
        or_empty(&diagnosis.error_symbol)
    );
    Failure {
        standing: Standing::of(diagnosis.open, diagnosis.alternative, diagnosis.confidence),
        cause: diagnosis.cause.clone(),
        summary: diagnosis.summary.clone(),
        kb_article: diagnosis.kb_article,
        code: code.trim().to_owned(),
        inner_code: or_empty(&diagnosis.inner_code),
        culprit: or_empty(&diagnosis.culprit),
        confidence: diagnosis.confidence,
        cluster_key: diagnosis.cluster_key.clone(),
        evidence: diagnosis
            .evidence
            .iter()
            .map(|item| Block::Quote {
                place: format!("{} {}", device.device_name, place(item)),
                text: item.text.clone(),
            })
            .collect(),
        steps: diagnosis.actions.clone(),
    }
}

fn place(item: &EvidenceReport) -> String {
    match item.record_id {
        Some(record) => format!("{}:record {record}", item.file),
        None => format!("{}:{}, byte {}", item.file, item.line, item.byte_offset),
    }
}

fn why(device_id: &str, key: &str, report: &DiagnoseReport, language: Language) -> Option<Block> {
    let explains = |why: &&Explanation| why.device_id == device_id && why.cluster_key == key;
    let why = report.explanations.iter().find(explains)?;
    Some(Block::Quote {
        place: language.of("Why", "判定依据").to_owned(),
        text: explanation_text(why, ""),
    })
}

/// All that did not succeed, and the newest of what did.
fn attempts(attempts: &[AttemptReport], language: Language) -> Section {
    let is_good = |attempt: &&AttemptReport| attempt.outcome == "installed";
    let left_out = attempts
        .iter()
        .filter(is_good)
        .count()
        .saturating_sub(GOOD_ATTEMPTS);
    let mut to_leave_out = left_out;
    let mut rows = Vec::new();
    for attempt in attempts {
        if is_good(&attempt) && to_leave_out > 0 {
            to_leave_out -= 1;
            continue;
        }
        let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
        rows.push(vec![
            attempt.kb_article.map_or_else(
                || language.of("not named", "未指明").to_owned(),
                |kb| article(Some(kb)),
            ),
            to_the_second(attempt.started_at.as_deref()),
            to_the_second(attempt.ended_at.as_deref()),
            outcome_name(&attempt.outcome, language).to_owned(),
            substate_name(&attempt.furthest_client_substate, language).to_owned(),
            or_empty(&attempt.error_code),
        ]);
    }
    let header = language.of(
        ["Update", "Started", "Ended", "Outcome", "Got to", "Code"],
        ["更新", "开始", "结束", "结果", "到达阶段", "代码"],
    );
    let mut blocks = vec![Block::table(&header, rows)];
    if left_out > 0 {
        blocks.push(Block::text(language.of(
            format!("{left_out} earlier attempts that were installed are not listed."),
            format!("另有 {left_out} 次较早的成功安装未列出。"),
        )));
    }
    Section::new(language.of("Attempts", "安装尝试"), blocks)
}

fn to_the_second(time: Option<&str>) -> String {
    time.and_then(|time| time.parse::<jiff::Timestamp>().ok())
        .map_or_else(String::new, |time| {
            time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
        })
}

fn input_text(input: &InputReport, language: Language) -> String {
    let InputReport {
        files,
        records,
        rejected,
        unrecognised,
        unread_devices,
    } = input;
    let mut text = language.of(
        format!(
            "{files} files, {records} records; {rejected} rejected; {} files not recognised",
            unrecognised.len()
        ),
        format!(
            "{files} 个文件，{records} 条记录；拒绝 {rejected} 条；{} 个文件无法识别",
            unrecognised.len()
        ),
    );
    if !unrecognised.is_empty() {
        text.push_str(language.of(": ", "："));
        text.push_str(&unrecognised.join(", "));
    }
    if !unread_devices.is_empty() {
        let names = unread_devices.join(", ");
        text.push_str(&language.of(
            format!("; nothing could be read of {names}"),
            format!("；以下设备没有可读取的内容：{names}"),
        ));
    }
    text
}

/// `0x800f0823: the log prints X, the catalogue says Y; 12 records, first CBS.log:3`.
fn conflict_text(conflict: &SymbolConflict, language: Language) -> String {
    let SymbolConflict {
        code,
        printed,
        catalogue,
        records,
        file,
        line,
    } = conflict;
    let known = catalogue
        .as_deref()
        .unwrap_or_else(|| language.of("none", "无"));
    language.of(
        format!("{code}: the log prints {printed}, the catalogue says {known}; {records} records, first {file}:{line}"),
        format!("{code}：日志写作 {printed}，目录中为 {known}；{records} 条记录，首见于 {file}:{line}"),
    )
}
