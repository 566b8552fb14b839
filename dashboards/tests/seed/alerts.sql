-- Two alerts for the page tests: an active one about a code, with markup in what was logged, and a resolved one about a cluster.

INSERT INTO alert (alert_id, rule, title_en, title_zh, severity, labels, state, rollout_id, ring, cluster_key, error_code, devices, sample_devices, expected, p_value, link, times_raised, summary, summary_zh, explanation_en, explanation_zh, started_at, found_at, ended_at)
SELECT 'a1', 'error-code-spike', 'Error code on the rise', '错误代码激增', 'critical', map('alertname', 'ErrorCodeSpike', 'ring', 'Broad', 'error_code', '0x8007000d'), 'Active', '2024-08-b', 'Broad', '', 0x8007000d, 10, ['BJ-PC-070', 'SH-PC-071'], 1.5, 0.00001, '/codes?q=0x8007000d', 2,
    '0x8007000d on 10 devices of ring Broad <script>alert(1)</script>', '部署环 Broad 中 10 台设备出现 0x8007000d', '10 devices fail with 0x8007000d within a day; at the same age of earlier rollouts it were 1.5.', '一天内 10 台设备以 0x8007000d 失败；以往部署同期为 1.5 台。', now64(6) - toIntervalHour(5), now64(6) - toIntervalHour(1), NULL;

INSERT INTO alert (alert_id, rule, title_en, title_zh, severity, labels, state, rollout_id, ring, cluster_key, devices, summary, explanation_en, started_at, found_at, ended_at)
SELECT 'a2', 'new-cluster', 'New failure cluster', '新的故障簇', 'warning', map('alertname', 'NewCluster'), 'Resolved', '', '', 'v1:file-system-corrupt:c::install', 2, 'A cluster never seen before', 'Two devices fail for a reason that this fleet had not.', now64(6) - toIntervalDay(3), now64(6) - toIntervalDay(2), now64(6) - toIntervalDay(2);

INSERT INTO alert_notification (alert_id, started_at, state, sink, delivered_at, attempts, error)
SELECT alert_id, started_at, state, 'alertmanager', NULL, 3, 'connection refused' FROM alert FINAL WHERE alert_id = 'a1';
