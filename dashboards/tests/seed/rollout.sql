-- A rollout of 110 devices for the page tests, relative to now: nine days old, five to go.
-- By number: 0–61 installed, 62–66 restart pending, 67–69 in progress, 70–93 failed (six causes), 94–97 not started,
-- 98–102 stale, 103 and 108–109 never seen, 104–107 excluded. Devices 0 and 1 failed first and installed later.

INSERT INTO rollout (rollout_id, name, kb_article, release_at, started_at, deadline_at, target_builds)
SELECT '2024-08-b', '2024-08 B release, branches', 5041580, now64(6) - toIntervalDay(10), now64(6) - toIntervalDay(9), now64(6) + toIntervalDay(5), '{"19045":4780,"17763":6189}';

INSERT INTO rollout (rollout_id, name, kb_article, release_at, started_at, deadline_at, target_builds)
SELECT '2024-07-b', '2024-07 B release, no devices named', 5040427, now64(6) - toIntervalDay(40), now64(6) - toIntervalDay(38), now64(6) - toIntervalDay(20), '{"19045":4651}';

INSERT INTO rollout_device (rollout_id, device_id, device_name, site, ring, excluded, exclusion_reason)
SELECT '2024-08-b', device_id, device_id, site, ring, number BETWEEN 104 AND 107, if(number BETWEEN 104 AND 107, 'being replaced', '')
FROM
(
    SELECT
        number,
        ['Beijing HQ', 'Shanghai Pudong', '深圳南山支行', 'Chengdu', 'Harbin Daoli', 'Wuhan plant'][number * 7 % 11 % 6 + 1] AS site,
        multiIf(number % 10 = 3, 'Pilot', number % 10 IN (1, 6), 'First', 'Broad') AS ring,
        concat(['BJ', 'SH', 'SZ', 'CD', 'HB', 'WH'][number * 7 % 11 % 6 + 1], '-PC-', leftPad(toString(number), 3, '0')) AS device_id
    FROM numbers(110)
);

INSERT INTO device (device_id, device_name, os_build, os_build_number, ubr, os_name, os_edition, architecture, model, manufacturer, site, ring, locale, last_seen_at, facts, generation)
SELECT
    device_id, device_name,
    concat('10.0.', if(number % 4 = 0, '17763', '19045'), '.', toString(revision)),
    if(number % 4 = 0, 17763, 19045), revision,
    if(number % 4 = 0, 'Windows 10 Enterprise LTSC 2019', 'Windows 10 Enterprise'), if(number % 4 = 0, 'EnterpriseS', 'Enterprise'), 'x64',
    ['OptiPlex 7080', 'ThinkCentre M75q', 'EliteDesk 800 G6'][number % 3 + 1], ['Dell Inc.', 'LENOVO', 'HP'][number % 3 + 1],
    site, ring, if(number % 2 = 0, 'zh-CN', 'en-US'),
    if(number BETWEEN 98 AND 102, now64(6) - toIntervalDay(8 + number % 5), now64(6) - toIntervalMinute(7 + number * 11)),
    concat('{"security_products":"', if(number BETWEEN 86 AND 89, 'Vendor HCI Client', 'Windows Defender'), '","domain":"corp.example","free_space_mb.C:":"', toString(4000 + number * 321), '","hotfixes":"KB5037768,KB5039211"}'),
    1
FROM
(
    SELECT toUInt32(extract(device_id, '(\\d+)$')) AS number, *, multiIf(number <= 61, if(number % 4 = 0, 6189, 4780), number BETWEEN 80 AND 85, 1500, number % 9 = 0, if(number % 4 = 0, 5936, 4529), if(number % 4 = 0, 6054, 4651)) AS revision
    FROM rollout_device FINAL WHERE rollout_id = '2024-08-b'
)
WHERE number NOT IN (103, 108, 109);

INSERT INTO update_attempt (device_id, attempt_id, kb_article, title, started_at, ended_at, outcome, furthest_client_substate, client_state, client_substate, error_code, inner_code, extend_code, phase, sources, generation, is_deleted)
SELECT
    device_id, 'a2', 5041580, '2024-08 Cumulative Update for Windows 10 (KB5041580)',
    now64(6) - toIntervalHour(8 + (200 - number * 3) % 205) AS started, if(number BETWEEN 67 AND 69, NULL, started + toIntervalMinute(20 + number % 50)),
    multiIf(number <= 61, 'installed', number <= 66, 'pending_restart', number <= 69, 'in_progress', number IN (86, 87), 'rolled_back', 'failed'),
    multiIf(number <= 61, 'UpdateInstalled', number <= 66, 'RestartRequired', number = 67, 'DownloadStart', number <= 69, 'InstallStart', number BETWEEN 80 AND 85, 'OfferReceived', number = 92, 'OfferReceived', number IN (86, 87), 'RestartInitiated', 'InstallStart') AS furthest,
    multiIf(number <= 61, 'Installed', number <= 69, 'Installing', 'Installing'), furthest,
    multiIf(number <= 69, NULL, number <= 79, 0x8007000d, number <= 85, 0x80240439, number <= 89, 0x8024200d, number <= 91, 0x80071ab1, number = 92, 0x80070422, 0x80070643),
    multiIf(number BETWEEN 70 AND 79, 0x80073712, number BETWEEN 86 AND 89, 0x80070005, NULL), NULL,
    multiIf(number <= 69, '', number BETWEEN 80 AND 85, 'scan', number = 92, 'scan', number IN (86, 87), 'restart', 'install'),
    if(number >= 70, ['cbs_log', 'event_log', 'windows_update_log'], ['event_log', 'windows_update_log']), 1, 0
FROM (SELECT toUInt32(extract(device_id, '(\\d+)$')) AS number, device_id FROM device FINAL)
WHERE number <= 93;

INSERT INTO update_attempt (device_id, attempt_id, kb_article, title, started_at, ended_at, outcome, furthest_client_substate, client_state, client_substate, error_code, inner_code, phase, sources, generation, is_deleted)
SELECT device_id, 'a1', 5041580, '2024-08 Cumulative Update for Windows 10 (KB5041580)', now64(6) - toIntervalHour(214), now64(6) - toIntervalHour(213), 'failed', 'InstallStart', 'Installing', 'InstallStart', 0x8007000d, 0x80073712, 'install', ['cbs_log'], 1, 0
FROM device FINAL WHERE toUInt32(extract(device_id, '(\\d+)$')) IN (0, 1, 75);

INSERT INTO diagnosis (device_id, diagnosis_id, rank, attempt_id, kb_article, cause, alert_subtype, error_code, error_symbol, inner_code, culprit, confidence, cluster_key, phase, summary_en, summary_zh, actions_en, actions_zh, first_seen_at, last_seen_at, is_open, generation, is_deleted)
SELECT
    device_id, 'd1', 0, if(number <= 1, 'a1', 'a2'), 5041580, cause,
    transform(cause, ['component-store-corrupt', 'servicing-stack-missing', 'third-party-access-block', 'file-system-corrupt', 'update-service-disabled'], ['WindowsComponentCorruption', 'WUSetupError', 'InstallAccessDenied', 'DiskIssue', 'DownloadIssueServiceDisabled'], 'InstallIssue'),
    multiIf(cause = 'component-store-corrupt', 0x8007000d, cause = 'servicing-stack-missing', 0x80240439, cause = 'third-party-access-block', 0x8024200d, cause = 'file-system-corrupt', 0x80071ab1, cause = 'update-service-disabled', 0x80070422, 0x80070643) AS code,
    multiIf(code = 0x8007000d, 'ERROR_INVALID_DATA', code = 0x80240439, 'WU_E_PT_INVALID_FORMAT', code = 0x8024200d, 'WU_E_UH_NEEDANOTHERDOWNLOAD', code = 0x80071ab1, 'ERROR_LOG_GROWTH_FAILED', code = 0x80070422, 'ERROR_SERVICE_DISABLED', 'ERROR_INSTALL_FAILURE'),
    multiIf(cause = 'component-store-corrupt', 0x80073712, cause = 'third-party-access-block', 0x80070005, NULL),
    culprit, if(cause = 'unknown', 0.3, 0.92), concat('v1:', cause, ':', lower(culprit), ':', phase), phase,
    multiIf(
        cause = 'component-store-corrupt', 'The component store is damaged: dot3gpui.dll of the FOD package Microsoft-Windows-Wired-AutoConfig is not what its manifest says, and a copy is left in WinSxS\\Temp\\InFlight.',
        cause = 'servicing-stack-missing', 'The update needs servicing stack KB5005112 or later; the device has 10.0.19041.1500.',
        cause = 'third-party-access-block', 'Vendor HCI Client denies access to WpdMtp.dll while the update replaces it.',
        cause = 'file-system-corrupt', 'The transaction log of volume C: cannot grow: its file system is damaged.',
        cause = 'update-service-disabled', 'The service WaaSMedicSvc is disabled (Start = 4), and its setting could not be changed.',
        'The attempt failed with 0x80070643, and no line tells why.'),
    multiIf(
        cause = 'component-store-corrupt', '组件存储损坏：FOD 包 Microsoft-Windows-Wired-AutoConfig 的 dot3gpui.dll 与其清单不符，WinSxS\\Temp\\InFlight 中留有副本。',
        cause = 'servicing-stack-missing', '此更新需要服务堆栈 KB5005112 或更高版本；设备当前为 10.0.19041.1500。',
        cause = 'third-party-access-block', '更新替换 WpdMtp.dll 时，Vendor HCI Client 拒绝访问该文件。',
        cause = 'file-system-corrupt', '卷 C: 的事务日志无法增长：文件系统已损坏。',
        cause = 'update-service-disabled', '服务 WaaSMedicSvc 被禁用（Start = 4），且设置无法更改。',
        '尝试以 0x80070643 失败，没有日志说明原因。'),
    multiIf(
        cause = 'component-store-corrupt', ['Copy dot3gpui.dll from a healthy device with the same build.', 'Run: Dism /Online /Cleanup-Image /RestoreHealth', 'Install KB5041580 again and restart.'],
        cause = 'servicing-stack-missing', ['Install KB5005112 first.', 'Then install KB5041580.'],
        cause = 'third-party-access-block', ['Take the device out of the policy that protects WpdMtp.dll.', 'Install KB5041580.', 'Put the device back into the policy.'],
        cause = 'file-system-corrupt', ['Run: fsutil resource setautoreset true C:\\', 'Run: chkdsk C: /r and restart.', 'Install KB5041580 again.'],
        cause = 'update-service-disabled', ['Lift the policy that disables the service.', 'Set WaaSMedicSvc to manual start.', 'Install KB5041580 again.'],
        CAST([] AS Array(String))),
    multiIf(
        cause = 'component-store-corrupt', ['从相同版本的正常设备复制 dot3gpui.dll。', '运行：Dism /Online /Cleanup-Image /RestoreHealth', '重新安装 KB5041580 并重启。'],
        cause = 'servicing-stack-missing', ['先安装 KB5005112。', '再安装 KB5041580。'],
        cause = 'third-party-access-block', ['将设备移出保护 WpdMtp.dll 的策略。', '安装 KB5041580。', '将设备移回该策略。'],
        cause = 'file-system-corrupt', ['运行：fsutil resource setautoreset true C:\\', '运行：chkdsk C: /r 并重启。', '重新安装 KB5041580。'],
        cause = 'update-service-disabled', ['解除禁用该服务的策略。', '将 WaaSMedicSvc 设为手动启动。', '重新安装 KB5041580。'],
        CAST([] AS Array(String))),
    now64(6) - toIntervalHour(18 + number * 37 % 190), now64(6) - toIntervalHour(number % 17), number > 1, 1, 0
FROM
(
    SELECT
        toUInt32(extract(device_id, '(\\d+)$')) AS number, device_id,
        multiIf(number <= 1 OR number BETWEEN 70 AND 79, 'component-store-corrupt', number <= 85, 'servicing-stack-missing', number <= 89, 'third-party-access-block', number <= 91, 'file-system-corrupt', number = 92, 'update-service-disabled', 'unknown') AS cause,
        multiIf(cause = 'component-store-corrupt', 'dot3gpui.dll', cause = 'servicing-stack-missing', 'KB5005112', cause = 'third-party-access-block', 'WpdMtp.dll', cause = 'file-system-corrupt', 'C:', cause = 'update-service-disabled', 'WaaSMedicSvc', '') AS culprit,
        multiIf(cause IN ('servicing-stack-missing', 'update-service-disabled'), 'scan', number IN (86, 87), 'install', 'install') AS phase
    FROM device FINAL
)
WHERE number <= 1 OR number BETWEEN 70 AND 93;

INSERT INTO evidence (device_id, diagnosis_id, seq, event_id, source, source_file, line_number, byte_offset, record_id, occurred_at, text, role, generation, is_deleted)
SELECT
    device_id, 'd1', seq, lower(hex(MD5(concat(device_id, toString(seq))))), source, source_file, if(source = 'event_log', 0, 1042 + seq * 17), if(source = 'event_log', 69632 + seq * 512, 88213 + seq * 907), if(source = 'event_log', 5500 + seq, NULL), last_seen_at - toIntervalSecond(90 - seq * 30),
    multiIf(
        seq = 0, concat('Installation Failure: Windows failed to install the following update with error ', if(cause = 'servicing-stack-missing', '0x80240439', '0x8007000D'), ': 2024-08 Cumulative Update for Windows 10 (KB5041580).'),
        cause = 'component-store-corrupt' AND seq = 1, '2024-08-19 09:14:07, Error                 CSI    00000a3c (F) STATUS_SXS_COMPONENT_STORE_CORRUPT #4711# from CCSDirectTransaction::OperateEnding at index 0 of 1 operations, disposition 2[gle=0xd0000249]',
        cause = 'component-store-corrupt', '2024-08-19 09:14:06, Info                  CSI    00000a3b Hashes for file member [l:12]\'dot3gpui.dll\' do not match.\n Expected: {l:32 ml:33 b:8a31cf…}.\n Actual: {l:32 b:0f22d9…}.',
        cause = 'servicing-stack-missing', '2024-08-19 09:14:06, Error                 CBS    Package "Package_for_RollupFix~31bf3856ad364e35~amd64~~19041.4780.1.6" requires Servicing Stack v10.0.19041.1790 but current Servicing Stack is v10.0.19041.1500. [HRESULT = 0x800f0823 - CBS_E_NEW_SERVICING_STACK_REQUIRED]',
        cause = 'third-party-access-block', '"09:14:06.1234567","TiWorker.exe","4312","CreateFile","C:\\Windows\\System32\\DriverStore\\FileRepository\\wpdmtp.inf_amd64\\WpdMtp.dll","ACCESS DENIED","Desired Access: Read Attributes, Delete <script>alert(1)</script>"',
        '2024-08-19 09:14:06, Info                  CBS    Failed to create file. [HRESULT = 0x80071ab1 - ERROR_LOG_GROWTH_FAILED]'),
    ['verdict', 'cause', 'culprit'][seq + 1], 1, 0
FROM
(
    SELECT device_id, cause, last_seen_at, arrayJoin([0, 1, 2]) AS seq, if(seq = 0, 'event_log', if(cause = 'third-party-access-block', 'procmon', 'cbs_log')) AS source,
        multiIf(source = 'event_log', 'Logs/System.evtx', source = 'procmon', 'procmon/Logfile.CSV', 'Logs/CBS/CBS.log') AS source_file
    FROM diagnosis FINAL WHERE cause != 'unknown'
)
WHERE NOT (cause IN ('file-system-corrupt', 'update-service-disabled') AND seq = 2);

INSERT INTO update_event (device_id, event_id, source, kind, occurred_at, occurred_at_local, zone_source, collected_at, source_file, line_number, byte_offset, record_id, level, component, channel, windows_event_id, error_code, codes, kb_article, package, signal, template, message, fields, device_name, topic, partition, offset, row, transform_version, ingested_at)
SELECT
    device_id, lower(hex(MD5(concat('e', device_id, toString(seq))))), if(seq % 3 = 0, 'event_log', 'cbs_log'), 'record', started_at + toIntervalMinute(seq * 3), NULL, 'record', now64(6) - toIntervalMinute(9), if(seq % 3 = 0, 'Logs/System.evtx', 'Logs/CBS/CBS.log'), 100 + seq, 4000 + seq * 120, NULL,
    if(seq = 4, 'error', 'info'), if(seq % 3 = 0, 'Microsoft-Windows-WindowsUpdateClient', 'CBS'), if(seq % 3 = 0, 'System', ''), NULL, if(seq = 4 OR seq = 5, error_code, NULL), if(error_code IS NULL, [], [assumeNotNull(error_code)]), 5041580, '',
    multiIf(seq = 0, 'download_started', seq = 2, 'download_succeeded', seq = 3, 'install_started', seq = 5 AND outcome = 'installed', 'install_succeeded', seq = 5 AND outcome IN ('failed', 'rolled_back'), 'install_failed', ''),
    concat('template ', toString(seq)), concat('Step ', toString(seq), ' of the 2024-08 cumulative update (KB5041580) on ', device_id), '{}', device_id, 'patchlens.events.v1', toInt32(cityHash64(device_id) % 3), seq, 0, 't1', now64(6) - toIntervalMinute(9) + toIntervalSecond(1)
FROM (SELECT device_id, started_at, outcome, error_code, arrayJoin(range(6)) AS seq FROM update_attempt FINAL WHERE attempt_id = 'a2');

INSERT INTO reject (reject_id, device_id, reason, detail, source_file, line_number, byte_offset, raw, collected_at, refused_by, topic, partition, offset, row)
SELECT lower(hex(MD5(toString(number)))), concat('BJ-PC-', leftPad(toString(number * 6), 3, '0')), if(number < 3, 'truncated', 'unknown_format'), if(number < 3, 'the chunk ends 512 bytes before its header says', 'no parser knows this file'), if(number < 3, 'Logs/System.evtx', 'readme.docx'), 0, 69632, 'x', now64(6) - toIntervalHour(2), 'ingest', 'patchlens.rejects.v1', 0, number, 0
FROM numbers(5);

INSERT INTO error_code_meaning (error_code, error_symbol, family, is_wrapper, meaning_en, meaning_zh, documented_in, catalogue)
VALUES
    (0x8007000d, 'ERROR_INVALID_DATA', 'win32', 0, 'The data is invalid.', '数据无效。', 'https://learn.microsoft.com/windows/win32/debug/system-error-codes--0-499-', 'test'),
    (0x80240001, 'WU_E_NO_SERVICE', 'wu', 0, 'The update client could not offer its service.', '更新客户端无法提供服务。', '', 'test'),
    (0x8024200d, 'WU_E_UH_NEEDANOTHERDOWNLOAD', 'wu', 1, '', '', '', 'test');
