-- Markup in every text that a log or an operator can bring, and names of 10,000 characters.

INSERT INTO rollout_device (rollout_id, device_id, device_name, site, ring, excluded, exclusion_reason)
SELECT '2024-08-b', 'EVIL<b>', '<script>alert(1)</script>', '"><svg onload=alert(1)>', '<img src=x onerror=alert(1)>', 0, '';

INSERT INTO rollout_device (rollout_id, device_id, device_name, site, ring, excluded, exclusion_reason)
SELECT '2024-08-b', 'LONG', repeat('W', 10000), repeat('长', 3000), repeat('ring ', 2000), 0, '';

INSERT INTO device (device_id, device_name, os_build, os_build_number, ubr, os_name, os_edition, architecture, model, manufacturer, site, ring, locale, last_seen_at, facts, generation)
SELECT 'EVIL<b>', '<script>alert(1)</script>', '<b>bold</b>', 19045, 1, '<img src=x onerror=alert(1)>', '" onload="alert(1)', '<b>bold', '</dd><script>alert(1)</script>', '{{7*7}}', '"><svg onload=alert(1)>', '<img src=x onerror=alert(1)>', 'xx', now64(6), '{"<script>alert(1)</script>":"<script>alert(1)</script>"}', 1;

INSERT INTO device (device_id, device_name, os_build, os_build_number, ubr, site, ring, last_seen_at, facts, generation)
SELECT 'LONG', repeat('W', 10000), repeat('9', 500), 19045, 1, repeat('长', 3000), repeat('ring ', 2000), now64(6), '{not json', 1;

INSERT INTO update_attempt (device_id, attempt_id, kb_article, title, started_at, ended_at, outcome, furthest_client_substate, error_code, phase, sources, generation, is_deleted)
SELECT device_id, 'a', 5041580, '<script>alert(1)</script>', now64(6) - toIntervalHour(1), now64(6), 'failed', 'InstallStart', 0x80070005, '<b>bold', ['<img src=x>'], 1, 0
FROM device FINAL WHERE device_id IN ('EVIL<b>', 'LONG');

INSERT INTO diagnosis (device_id, diagnosis_id, rank, attempt_id, kb_article, cause, alert_subtype, error_code, error_symbol, culprit, confidence, cluster_key, phase, summary_en, summary_zh, actions_en, actions_zh, first_seen_at, last_seen_at, is_open, generation, is_deleted)
SELECT device_id, 'x"><svg', 0, 'a', 5041580, '<b>bold</b>', '<img src=x>', 0x80070005, '<script>alert(1)</script>', if(device_id = 'LONG', repeat('C', 10000), '<script>alert(1)</script>'), 2, concat('v1-', lower(substring(device_id, 1, 4))), '<b>bold', '<script>alert(1)</script>', '', ['<script>alert(1)</script>', repeat('x', 10000)], [], now64(6), now64(6), 1, 1, 0
FROM device FINAL WHERE device_id IN ('EVIL<b>', 'LONG');

INSERT INTO evidence (device_id, diagnosis_id, seq, event_id, source, source_file, line_number, byte_offset, occurred_at, text, role, generation, is_deleted)
SELECT device_id, 'x"><svg', 0, 'e', '<b>bold', '"><svg/onload=alert(1)>.log', 1, 2, now64(6), if(device_id = 'LONG', repeat('Z', 50000), '</pre><script>alert(1)</script>'), '" onload="', 1, 0
FROM device FINAL WHERE device_id IN ('EVIL<b>', 'LONG');

INSERT INTO update_event (device_id, event_id, source, kind, occurred_at, collected_at, source_file, error_code, signal, component, message, device_name, topic, partition, offset, row, ingested_at)
SELECT device_id, 'e', '<b>bold', 'record', now64(6), now64(6), '<img src=x>', 0x80070005, '<script>alert(1)</script>', '<b>bold', concat('</span><script>alert(1)</script>', repeat('m', 20000)), device_id, '<script>alert(1)</script>', 0, 0, 0, now64(6)
FROM device FINAL WHERE device_id IN ('EVIL<b>', 'LONG');

INSERT INTO reject (reject_id, device_id, reason, detail, source_file, line_number, byte_offset, raw, collected_at, refused_by, topic, partition, offset, row)
SELECT 'evil', 'EVIL<b>', '<b>bold', '<script>alert(1)</script>', '"><svg>', 0, 0, '', now64(6), '<img src=x>', 't', 0, 0, 0;

INSERT INTO error_code_meaning (error_code, error_symbol, family, is_wrapper, meaning_en, meaning_zh, documented_in, catalogue)
VALUES (0x80070006, '<script>alert(1)</script>', '<b>bold', 1, '<script>alert(1)</script>', repeat('长', 3000), 'javascript:alert(1)', 'evil');
