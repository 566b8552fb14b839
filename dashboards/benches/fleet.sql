-- A large fleet for measuring pages: {devices} devices in forty sites and three rings, {events} records of them.
-- By number modulo 110 in the proportions of the tests' rollout: 62 installed, 5 to restart, 3 in progress, 24 failed for
-- six causes, 4 not started, 5 stale, 3 never seen, 4 excluded.

INSERT INTO rollout (rollout_id, name, kb_article, release_at, started_at, deadline_at, target_builds)
SELECT '2024-08-b', '2024-08 B release', 5041580, now64(6) - toIntervalDay(10), now64(6) - toIntervalDay(9), now64(6) + toIntervalDay(5), '{"19045":4780,"17763":6189}';

INSERT INTO rollout_device (rollout_id, device_id, device_name, site, ring, excluded, exclusion_reason)
SELECT '2024-08-b', concat('PC-', leftPad(toString(number), 7, '0')) AS id, id, concat('Site ', leftPad(toString(number * 7919 % 40), 2, '0')), multiIf(number % 10 = 3, 'Pilot', number % 10 IN (1, 6), 'First', 'Broad'), number % 110 BETWEEN 104 AND 107, ''
FROM numbers({devices});

INSERT INTO device (device_id, device_name, os_build, os_build_number, ubr, os_name, os_edition, architecture, model, manufacturer, site, ring, locale, last_seen_at, facts, generation)
SELECT
    device_id, device_name, concat('10.0.', if(n % 4 = 0, '17763', '19045'), '.', toString(revision)),
    if(n % 4 = 0, 17763, 19045), revision, 'Windows 10 Enterprise', 'Enterprise', 'x64',
    concat('Model ', toString(n % 23)), concat('Maker ', toString(n % 5)), site, ring, if(n % 2 = 0, 'zh-CN', 'en-US'),
    if(n % 110 BETWEEN 98 AND 102, now64(6) - toIntervalDay(9), now64(6) - toIntervalMinute(7 + n % 3000)),
    concat('{"security_products":"', if(n % 110 BETWEEN 86 AND 89, 'Vendor HCI Client', 'Windows Defender'), '","service_start.wuauserv":"manual","service_start.bits":"manual","hotfixes":"KB5037768,KB5039211"}'), 1
FROM
(
    SELECT toUInt32(substring(device_id, 4)) AS n, *, multiIf(n % 110 <= 61, if(n % 4 = 0, 6189, 4780), n % 9 = 0, 4000, if(n % 4 = 0, 6054, 4651)) AS revision
    FROM rollout_device FINAL
)
WHERE n % 110 NOT IN (103, 108, 109);

INSERT INTO update_attempt (device_id, attempt_id, kb_article, title, started_at, ended_at, outcome, furthest_client_substate, client_state, client_substate, error_code, inner_code, extend_code, phase, sources, generation, is_deleted)
SELECT
    device_id, 'a2', 5041580, '2024-08 Cumulative Update for Windows 10 (KB5041580)',
    now64(6) - toIntervalHour(8 + cityHash64(device_id) % 205) AS started, if(m BETWEEN 67 AND 69, NULL, started + toIntervalMinute(20 + m % 50)),
    multiIf(m <= 61, 'installed', m <= 66, 'pending_restart', m <= 69, 'in_progress', 'failed'),
    multiIf(m <= 61, 'UpdateInstalled', m <= 66, 'RestartRequired', m <= 69, 'DownloadStart', m BETWEEN 80 AND 85, 'OfferReceived', 'InstallStart') AS furthest,
    'Installing', furthest,
    multiIf(m <= 69, NULL, m <= 79, 0x8007000d, m <= 85, 0x80240439, m <= 89, 0x8024200d, m <= 91, 0x80071ab1, m = 92, 0x80070422, 0x80070643),
    NULL, NULL, if(m <= 69, '', 'install'), ['event_log', 'windows_update_log'], 1, 0
FROM (SELECT toUInt32(substring(device_id, 4)) % 110 AS m, device_id FROM device FINAL)
WHERE m <= 93;

INSERT INTO update_attempt (device_id, attempt_id, kb_article, title, started_at, ended_at, outcome, furthest_client_substate, client_state, client_substate, error_code, inner_code, phase, sources, generation, is_deleted)
SELECT device_id, concat('d', toString(k)), 2267602, 'Security Intelligence Update', now64(6) - toIntervalDay(k), now64(6) - toIntervalDay(k), 'installed', 'UpdateInstalled', 'Installed', 'UpdateInstalled', NULL, NULL, '', ['event_log'], 1, 0
FROM (SELECT device_id, arrayJoin([1, 3, 5]) AS k FROM device FINAL);

INSERT INTO diagnosis (device_id, diagnosis_id, rank, attempt_id, kb_article, cause, alert_subtype, error_code, error_symbol, inner_code, culprit, confidence, cluster_key, phase, summary_en, summary_zh, actions_en, actions_zh, first_seen_at, last_seen_at, is_open, generation, is_deleted)
SELECT
    device_id, 'd1', 0, 'a2', 5041580,
    multiIf(m <= 79, 'component-store-corrupt', m <= 85, 'servicing-stack-missing', m <= 89, 'third-party-access-block', m <= 91, 'file-system-corrupt', m = 92, 'update-service-disabled', 'unknown') AS cause,
    'InstallIssue', multiIf(m <= 79, 0x8007000d, m <= 85, 0x80240439, m <= 89, 0x8024200d, m <= 91, 0x80071ab1, m = 92, 0x80070422, 0x80070643), 'ERROR_INVALID_DATA', NULL,
    multiIf(m <= 79, concat('culprit', toString(n % 17), '.dll'), m <= 85, 'KB5005112', m <= 89, 'WpdMtp.dll', m <= 91, 'C:', m = 92, 'WaaSMedicSvc', '') AS culprit,
    0.92, concat('v1:', cause, ':', culprit), 'install', concat('It fails because of ', culprit, '.'), '因此失败。', ['Copy the file from a healthy device with the same build.', 'Install KB5041580 again.'], ['从正常设备复制该文件。', '重新安装 KB5041580。'],
    now64(6) - toIntervalHour(18 + cityHash64(device_id) % 190), now64(6) - toIntervalHour(n % 17), 1, 1, 0
FROM (SELECT toUInt32(substring(device_id, 4)) AS n, n % 110 AS m, device_id FROM device FINAL)
WHERE m BETWEEN 70 AND 93;

INSERT INTO evidence (device_id, diagnosis_id, seq, event_id, source, source_file, line_number, byte_offset, record_id, occurred_at, text, role, generation, is_deleted)
SELECT device_id, 'd1', seq, concat('e', toString(seq)), 'cbs_log', 'Logs/CBS/CBS.log', 1042 + seq, 88213, NULL, last_seen_at, concat('2024-08-19 09:14:06, Info CBS Failed to create file ', culprit, '. [HRESULT = 0x8007000d - ERROR_INVALID_DATA]'), ['verdict', 'cause', 'culprit'][seq + 1], 1, 0
FROM (SELECT device_id, culprit, last_seen_at, arrayJoin([0, 1, 2]) AS seq FROM diagnosis FINAL);

INSERT INTO noise_profile (device_id, event_id, source, template, error_code, `day`, `count`, topic, `partition`, `offset`, `row`)
SELECT device_id, concat('n', toString(k)), 'cbs_log', concat('template ', toString(k)), if(k < 4, 0x80070032 + k, 0), today() - k, 40 + k, 'patchlens.events.v1', 0, 0, k
FROM (SELECT device_id, arrayJoin(range(8)) AS k FROM device FINAL);
