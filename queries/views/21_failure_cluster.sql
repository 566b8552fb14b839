-- failure_cluster: one row per cluster.
-- Why: what to fix, and what frees most devices.
-- Reads: cluster_device, in which a cluster has a device once; diagnosis, device. Counts devices, never log lines. "New" is
-- measured back from the newest evidence of any cluster, not from the clock. Evidence bears the time of its device, which may be
-- years ahead: what is later than the newest report, or than now, is no news.
CREATE OR REPLACE VIEW {view:failure_cluster} {on_cluster} AS
SELECT
    cluster_key,
    surest.1 AS cause,
    surest.2 AS alert_subtype,
    surest.3 AS culprit,
    surest.4 AS error_code,
    if(error_code IS NULL, '', concat('0x', leftPad(lower(hex(error_code)), 8, '0'))) AS error_code_hex,
    surest.5 AS error_symbol,
    surest.6 AS inner_code,
    if(inner_code IS NULL, '', concat('0x', leftPad(lower(hex(inner_code)), 8, '0'))) AS inner_code_hex,
    surest.7 AS phase,
    kb_articles,
    arrayMap(code -> concat('0x', leftPad(lower(hex(code)), 8, '0')), codes) AS error_codes,
    arrayMap(code -> concat('0x', leftPad(lower(hex(code)), 8, '0')), inner_code_list) AS inner_codes,
    open_devices,
    devices,
    new_devices,
    round(open_devices / greatest(fleet_open_devices, 1), 4) AS share,
    sites,
    rings,
    round(confidence_avg, 3) AS confidence_avg,
    first_seen_at,
    last_seen_at,
    if(open_devices > 0, 'open', 'closed') AS status,
    multiIf(
        open_devices = 0, 'closed',
        first_seen_at BETWEEN as_of - INTERVAL 1 DAY AND as_of, 'new',
        new_devices > 0, 'growing',
        open_devices < devices, 'shrinking',
        'steady') AS trend,
    arrayMap(day -> toUInt64(countEqual(first_days, toDate(as_of) - 13 + day)), range(14)) AS daily,
    surest.9 AS summary_en,
    surest.10 AS summary_zh,
    surest.11 AS actions_en,
    surest.12 AS actions_zh,
    if(wordings > 1, surest.13, '') AS example_device_id,
    toUInt8(first_steps > 1) AS first_step_differs,
    as_of
FROM
(
    SELECT
        m.cluster_key AS cluster_key,
        fleet.as_of AS as_of,
        fleet.open_devices AS fleet_open_devices,
        argMax(
            (
                m.cause, m.alert_subtype, m.culprit, m.error_code, m.error_symbol, m.inner_code, m.phase, m.kb_article,
                m.summary_en, m.summary_zh, m.actions_en, m.actions_zh, m.device_id
            ),
            (m.is_open, m.confidence, ifNull(m.last_seen_at, toDateTime64(0, 6, 'UTC')), m.device_id)
        ) AS surest,
        uniqExact(cityHash64(m.summary_en, m.actions_en)) AS wordings,
        uniqExact(cityHash64(m.actions_en[1])) AS first_steps,
        arraySort(groupUniqArrayIf(assumeNotNull(m.kb_article), m.kb_article IS NOT NULL)) AS kb_articles,
        arraySort(groupUniqArrayIf(assumeNotNull(m.error_code), m.error_code IS NOT NULL)) AS codes,
        arraySort(groupUniqArrayIf(assumeNotNull(m.inner_code), m.inner_code IS NOT NULL)) AS inner_code_list,
        countIf(m.is_open = 1) AS open_devices,
        count() AS devices,
        countIf(m.first_seen_at > fleet.as_of - INTERVAL 1 DAY AND m.first_seen_at <= fleet.as_of) AS new_devices,
        arraySort(groupUniqArrayIf(m.site, m.site != '')) AS sites,
        arraySort(groupUniqArrayIf(m.ring, m.ring != '')) AS rings,
        avg(m.confidence) AS confidence_avg,
        min(m.first_seen_at) AS first_seen_at,
        max(m.last_seen_at) AS last_seen_at,
        groupArrayIf(toDate(assumeNotNull(m.first_seen_at)), m.first_seen_at IS NOT NULL) AS first_days
    FROM (SELECT * FROM {view:cluster_device}) AS m
    CROSS JOIN
    (
        SELECT least(max(last_seen_at), (SELECT max(last_seen_at) FROM {table:device}), now64(6, 'UTC')) AS as_of, uniqExactIf(device_id, is_open = 1) AS open_devices
        FROM {table:diagnosis} FINAL
        WHERE rank = 0
    ) AS fleet
    GROUP BY m.cluster_key, fleet.as_of, fleet.open_devices
)
ORDER BY open_devices DESC, devices DESC, cluster_key
COMMENT 'One row per cluster: devices that fail for the same reason. open_devices: that have not installed the update since. devices: that ever were in it. new_devices: first seen in the last day of evidence. share: of all devices with an open failure. cause, culprit, codes and texts: of the surest verdict; example_device_id: its device where the texts of others differ, in a path, a file or a build, else empty; first_step_differs: 1 where the first of the actions is among these; error_codes, inner_codes (hexadecimal) and kb_articles: of all. status: open or closed. trend: new, growing, steady, shrinking or closed. daily: devices first seen per day, fourteen days up to as_of.'
