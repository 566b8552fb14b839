-- 80 devices, 20 in the ring Pilot (PC-000 to PC-019) and 60 in Broad, over the rollouts of July and August 2024.

INSERT INTO rollout (rollout_id, name, kb_article, release_at, started_at, deadline_at, target_builds) VALUES
    ('2024-07', '2024-07', 5040427, '2024-07-09 17:00:00', '2024-07-10 00:00:00', '2024-07-24 00:00:00', '{}'),
    ('2024-08', '2024-08', 5041580, '2024-08-13 17:00:00', '2024-08-14 00:00:00', '2024-08-28 00:00:00', '{}');

INSERT INTO rollout_device (rollout_id, device_id, site, ring, excluded, exclusion_reason)
SELECT rollout_id, concat('PC-', leftPad(toString(number), 3, '0')), 'North', if(number < 20, 'Pilot', 'Broad'), 0, ''
FROM numbers(80) AS n CROSS JOIN (SELECT arrayJoin(['2024-07', '2024-08']) AS rollout_id) AS d;

-- Six of the ring Pilot were heard last on 18 August, the others on the 26th. The ring stands in the plan only.
INSERT INTO device (device_id, last_seen_at, generation)
SELECT concat('PC-', leftPad(toString(number), 3, '0')), if(number < 6, toDateTime64('2024-08-18 08:00:00', 6, 'UTC'), toDateTime64('2024-08-26 00:00:00', 6, 'UTC')), 1 FROM numbers(80);

-- July: everybody tried on the second day. Six of Broad failed with 0x80240439 first, one with 0x80073712.
INSERT INTO update_attempt (device_id, attempt_id, kb_article, started_at, ended_at, outcome, error_code, generation, is_deleted)
SELECT concat('PC-', leftPad(toString(number), 3, '0')), 'j', 5040427, '2024-07-11 08:00:00', '2024-07-11 09:00:00',
    if(number BETWEEN 20 AND 26, 'failed', 'installed'), if(number BETWEEN 20 AND 25, 0x80240439, if(number = 26, 0x80073712, NULL)), 1, 0
FROM numbers(80);

INSERT INTO update_attempt (device_id, attempt_id, kb_article, started_at, ended_at, outcome, generation, is_deleted)
SELECT concat('PC-', leftPad(toString(number), 3, '0')), 'j2', 5040427, '2024-07-12 08:00:00', '2024-07-12 09:00:00', 'installed', 1, 0 FROM numbers(20, 7);

-- Definitions, which everybody has installed before.
INSERT INTO update_attempt (device_id, attempt_id, kb_article, started_at, ended_at, outcome, generation, is_deleted)
SELECT concat('PC-', leftPad(toString(number), 3, '0')), 'def', 2267602, '2024-08-05 08:00:00', '2024-08-05 08:01:00', 'installed', 1, 0 FROM numbers(80);

-- August, Broad: everybody tried on 16 August before noon. 20-25 fail with 0x80240439 as in July; 28-39 with
-- 0x80073712, every day until they have the update on the 22nd; 40-43 are rolled back with 0x800f0922, a code never seen.
INSERT INTO update_attempt (device_id, attempt_id, kb_article, started_at, ended_at, outcome, error_code, generation, is_deleted)
SELECT concat('PC-', leftPad(toString(number), 3, '0')), 'a', 5041580, '2024-08-16 08:00:00', '2024-08-16 09:00:00',
    multiIf(number BETWEEN 20 AND 25 OR number BETWEEN 28 AND 39, 'failed', number BETWEEN 40 AND 43, 'rolled_back', 'installed'),
    multiIf(number BETWEEN 20 AND 25, 0x80240439, number BETWEEN 28 AND 39, 0x80073712, number BETWEEN 40 AND 43, 0x800f0922, NULL), 1, 0
FROM numbers(20, 60);

INSERT INTO update_attempt (device_id, attempt_id, kb_article, started_at, ended_at, outcome, error_code, generation, is_deleted)
SELECT concat('PC-', leftPad(toString(number), 3, '0')), concat('a', toString(day)), 5041580, toDateTime64('2024-08-16 08:00:00', 6, 'UTC') + toIntervalDay(day), toDateTime64('2024-08-16 09:00:00', 6, 'UTC') + toIntervalDay(day),
    if(day = 6, 'installed', 'failed'), if(day = 6, NULL, 0x80073712), 1, 0
FROM numbers(28, 12) AS n CROSS JOIN (SELECT arrayJoin([1, 2, 3, 4, 5, 6]) AS day) AS d;

INSERT INTO update_attempt (device_id, attempt_id, kb_article, started_at, ended_at, outcome, generation, is_deleted)
SELECT concat('PC-', leftPad(toString(number), 3, '0')), 'late', 5041580, '2024-08-20 08:00:00', '2024-08-20 09:00:00', 'installed', 1, 0 FROM numbers(20, 6);

-- One cluster known since July, which 28-39 join on 16 August; one that is new with 40-43.
INSERT INTO diagnosis (device_id, diagnosis_id, rank, attempt_id, kb_article, cause, error_code, culprit, cluster_key, summary_en, summary_zh, actions_en, actions_zh, first_seen_at, last_seen_at, is_open, generation, is_deleted)
SELECT concat('PC-', leftPad(toString(number), 3, '0')), 'd', 0, 'a', if(number = 26, 5040427, 5041580),
    if(number < 40, 'component-store-corrupt', 'advanced-installer-failed'), if(number < 40, 0x80073712, 0x800f0922), if(number < 40, 'dot3gpui.dll', 'Firewall'),
    if(number < 40, 'v1:component-store-corrupt:dot3gpui.dll', 'v1:advanced-installer-failed:firewall'), 'Why.', '原因。', [], [],
    if(number = 26, toDateTime64('2024-07-11 09:00:00', 6, 'UTC'), toDateTime64('2024-08-16 09:00:00', 6, 'UTC')), '2024-08-16 09:00:00', number >= 40, 1, 0
FROM (SELECT arrayJoin(arrayConcat([26], range(28, 40), range(40, 44))) AS number);

-- Records: one of each device and day until its newest report, stored within a minute; 200 of 20 August arrive 90 minutes late.
INSERT INTO update_event (device_id, event_id, source, kind, occurred_at, collected_at, topic, partition, offset, row, ingested_at)
SELECT concat('PC-', leftPad(toString(number), 3, '0')), concat('e', toString(number), '-', toString(day)), 'cbs_log', 'record', toDateTime64('2024-08-10 08:00:00', 6, 'UTC') + toIntervalDay(day) AS at, at, 'events', 0, day, number, at + 30
FROM numbers(80) AS n CROSS JOIN (SELECT arrayJoin(range(16)) AS day) AS d
WHERE number >= 6 OR day <= 8;

INSERT INTO update_event (device_id, event_id, source, kind, occurred_at, collected_at, topic, partition, offset, row, ingested_at)
SELECT 'PC-030', concat('l', toString(number)), 'cbs_log', 'record', '2024-08-20 10:50:00', '2024-08-20 11:00:00', 'events', 0, 100, number, '2024-08-20 12:30:59' FROM numbers(200);

INSERT INTO reject (reject_id, device_id, reason, detail, collected_at, topic, partition, offset, row)
SELECT concat('r', toString(number)), 'PC-031', 'truncated', 'the file ends within a record', '2024-08-20 11:00:00', 'rejects', 0, number, 0 FROM numbers(40);
