-- 100,000 devices in four rings, four monthly rollouts, 600,000 attempts of which 48,000 failed, and 10 million records;
-- the newest is from 25 August 2024. `{chunk}` runs from 0 to 9.
INSERT INTO rollout (rollout_id, name, kb_article, release_at, started_at, deadline_at, target_builds)
SELECT concat('2024-0', toString(5 + number)), concat('2024-0', toString(5 + number), ' cumulative update'), [5037768, 5039211, 5040427, 5041580][number + 1],
    toDateTime64('2024-05-14 17:00:00', 6, 'UTC') + toIntervalDay(30 * number), toDateTime64('2024-05-15 00:00:00', 6, 'UTC') + toIntervalDay(30 * number),
    toDateTime64('2024-05-29 00:00:00', 6, 'UTC') + toIntervalDay(30 * number), '{}'
FROM numbers(4);
INSERT INTO rollout_device (rollout_id, device_id, device_name, site, ring, excluded, exclusion_reason)
SELECT concat('2024-0', toString(5 + number % 4)), concat('PC-', leftPad(toString(intDiv(number, 4)), 6, '0')), '', concat('Site ', toString(intDiv(number, 4) % 40)),
    ['Pilot', 'First', 'Broad', 'Critical'][1 + (intDiv(number, 4) % 100 >= 2) + (intDiv(number, 4) % 100 >= 15) + (intDiv(number, 4) % 100 >= 85)], 0, ''
FROM numbers(400000);
INSERT INTO device (device_id, device_name, os_build, os_build_number, ubr, model, site, ring, last_seen_at, facts, generation)
SELECT concat('PC-', leftPad(toString(number), 6, '0')), '', '10.0.19045.4651', 19045, 4651, concat('Model ', toString(number % 17)), concat('Site ', toString(number % 40)),
    ['Pilot', 'First', 'Broad', 'Critical'][1 + (number % 100 >= 2) + (number % 100 >= 15) + (number % 100 >= 85)],
    toDateTime64('2024-08-25 12:00:00', 6, 'UTC') - toIntervalMinute(cityHash64(number) % 2000), '{"security_products":"Defender","free_space_mb.C:":"40000"}', 1
FROM numbers(100000);
INSERT INTO update_attempt (device_id, attempt_id, kb_article, title, started_at, ended_at, outcome, furthest_client_substate, error_code, phase, sources, generation, is_deleted)
SELECT concat('PC-', leftPad(toString(intDiv(number, 6)), 6, '0')), concat('a', toString(number % 6)), [5037768, 5039211, 5040427, 5041580, 5041580, 2267602][number % 6 + 1] AS kb, 'update',
    toDateTime64('2024-05-16 08:00:00', 6, 'UTC') + toIntervalDay(30 * least(number % 6, 3)) + toIntervalMinute(cityHash64(number) % 14000) AS started, started + toIntervalMinute(30),
    if(cityHash64(number, 1) % 100 < 8, 'failed', 'installed') AS outcome, 'InstallStart', if(outcome = 'failed', [0x8007000d, 0x80073712, 0x80240439, 0x80070005, 0x8024200d, 0x80071ab1, 0x800f0922, 0x80070643, 0x80070070, 0x800f081f][cityHash64(number, 2) % 10 + 1], NULL), '', ['cbs_log'], 1, 0
FROM numbers(600000);
INSERT INTO diagnosis (device_id, diagnosis_id, rank, attempt_id, kb_article, cause, alert_subtype, error_code, error_symbol, culprit, confidence, cluster_key, phase, summary_en, summary_zh, actions_en, actions_zh, first_seen_at, last_seen_at, is_open, generation, is_deleted)
SELECT device_id, attempt_id, 0, attempt_id, kb_article, 'component-store-corrupt', 'WindowsComponentCorruption', error_code, '', concat('file', toString(cityHash64(device_id) % 200), '.dll'), 0.9, concat('v1:component-store-corrupt:file', toString(cityHash64(device_id) % 200), '.dll'), 'install', 'The component store is damaged: a file of the package is not what its manifest says.', '组件存储损坏', ['repair'], ['修复'], started_at, ended_at, 1, 1, 0
FROM update_attempt FINAL WHERE outcome = 'failed';
INSERT INTO update_event (device_id, event_id, source, kind, occurred_at, zone_source, collected_at, source_file, line_number, byte_offset, level, component, error_code, codes, kb_article, signal, template, message, fields, device_name, topic, partition, offset, row, transform_version, ingested_at)
SELECT concat('PC-', leftPad(toString(intDiv(n, 100)), 6, '0')), lower(hex(sipHash128(n))), if(n % 3 = 0, 'event_log', 'cbs_log'), 'record',
    toDateTime64('2024-08-25 12:00:00', 6, 'UTC') - toIntervalMinute(cityHash64(n) % 150000) AS occurred, 'record', occurred + toIntervalMinute(60 + cityHash64(n, 1) % 1300) AS collected, 'Logs/CBS/CBS.log', n % 5000, n * 120 % 4000000,
    if(n % 20 = 0, 'error', 'info'), 'CBS', if(n % 20 = 0, 0x80073712, NULL), if(n % 20 = 0, [0x80073712], []), 5041580, '', concat('Exec: Processing complete. Session: <*> ', toString(n % 400)),
    concat('Exec: Processing complete.  Session: 31125', toString(n % 100000), ', Package: Package_for_RollupFix~31bf3856ad364e35~amd64~~19041.4780.1.', toString(n % 9)), '{}', '', 'patchlens.events.v1', n % 6, intDiv(n, 64), n % 64, 't1', collected + toIntervalSecond(cityHash64(n, 2) % 300)
FROM (SELECT number + {chunk} * 1000000 AS n FROM numbers(1000000));
