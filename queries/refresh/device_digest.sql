-- Makes the rows of device_digest of some devices; grain: one per device.
-- One insert is one part: all rows or none. Made twice it gives the same rows with a higher version.
-- The servicing branch stands for the build: the revision changes with the very update that is judged, so
-- that every device that failed would share the old one. ubr is therefore the revision of the time before the
-- update, and a device of which only a later inventory is known has none.
-- PREWHERE, here and wherever devices are asked for by id: under FINAL the engine would read every column of whole
-- granules first. It may stand before FINAL because the id is part of the key.
INSERT INTO {table:device_digest} (
    device_id, device_hash, is_known, is_failing, device_name, site, ring, place, rollouts, model, os_build, last_seen_at, attribute.name, attribute.value,
    code.day, code.error_code, code.attempts, code.records, member.cluster_key, member.diagnosis_id, member.attempt_id, member.kb_article, member.cause,
    member.alert_subtype, member.culprit, member.error_code, member.error_symbol, member.inner_code, member.phase, member.confidence, member.summary_en,
    member.summary_zh, member.actions_en, member.actions_zh, member.first_seen_at, member.last_seen_at, member.is_open, member.evidence_text,
    member.evidence_file, member.evidence_line, remedy.cluster_key, remedy.cause, remedy.culprit, remedy.confidence, remedy.is_open, remedy.failures,
    remedy.first_seen_at, remedy.installed_at, remedy.other_failures, try.kb_article, try.tried_at, try.installed_at, try.rolled_back_at, try.failures, try.lapses,
    arrival.topic, arrival.partition, arrival.source, arrival.events, arrival.last_offset,
    arrival.last_collected_at, arrival.last_ingested_at, arrival.lag_ms, generation, planned_at, layout, version
)
SELECT
    i.device_id, cityHash64(i.device_id), d.device_id != '' AS known, g.is_failing, d.device_name, d.site, d.ring,
    (if(p.place.1 != '', p.place.1, toString(d.site)), if(p.place.2 != '', p.place.2, toString(d.ring))), p.rollouts, d.model, d.os_build, d.last_seen_at,
    d.factors.1, d.factors.2, c.days.1, c.days.2, c.days.3, c.days.4,
    g.members.1, g.members.2.1, g.members.2.2, g.members.2.3, g.members.2.4, g.members.2.5, g.members.2.6, g.members.2.7, g.members.2.8, g.members.2.9,
    g.members.2.10, g.members.2.11, g.members.2.12, g.members.2.13, g.members.2.14, g.members.2.15, g.members.3, g.members.4, g.members.5,
    g.members.6.1, g.members.6.2, g.members.6.3,
    r.effects.1, r.effects.2, r.effects.3, r.effects.4, r.effects.5, r.effects.6, r.effects.7, r.effects.8, r.effects.9,
    y.tries.1, y.tries.2, y.tries.3, y.tries.4, y.tries.5, y.tries.6,
    w.arrivals.1, w.arrivals.2, w.arrivals.3, w.arrivals.4, w.arrivals.5, w.arrivals.6, w.arrivals.7, w.arrivals.8,
    if(known, d.generation, 0), p.planned_at, {layout:UInt16},
    greatest(toUInt64(toUnixTimestamp64Micro(now64(6))), (SELECT max(version) + 1 FROM {table:device_digest}))
FROM (SELECT DISTINCT arrayJoin({device_ids:Array(String)}) AS device_id) AS i
LEFT JOIN
(
    SELECT
        device_id, device_name, site, ring, model, os_build, last_seen_at, generation,
        arrayDistinct(arrayFilter(pair -> pair.2 NOT IN ('', '0'), arrayConcat(
            [
                ('os_build_number', toString(ifNull(os_build_number, 0))),
                ('ubr', splitByChar('.', JSONExtractString(facts, 'os_build_before'))[4]),
                ('os_edition', os_edition),
                ('architecture', toString(architecture)),
                ('model', model),
                ('manufacturer', manufacturer),
                ('site', toString(site)),
                ('ring', toString(ring)),
                ('locale', toString(locale)),
                ('servicing_stack', JSONExtractString(facts, 'servicing_stack')),
                ('missing_prerequisite', JSONExtractString(facts, 'missing_prerequisite'))
            ],
            arrayMap(product -> ('security_product', trimBoth(product)), splitByChar(';', JSONExtractString(facts, 'security_products'))),
            arrayMap(
                fact -> ('service_start', concat(substring(fact.1, length('service_start.') + 1), '=', fact.2)),
                arrayFilter(fact -> startsWith(fact.1, 'service_start.'), JSONExtractKeysAndValues(facts, 'String'))),
            arrayMap(
                fact -> ('free_space', concat(substring(fact.1, length('free_space_mb.') + 1), ' ', multiIf(
                    toUInt64OrZero(fact.2) < 2048, 'below 2 GiB',
                    toUInt64OrZero(fact.2) < 10240, '2 to 10 GiB',
                    toUInt64OrZero(fact.2) < 20480, '10 to 20 GiB',
                    toUInt64OrZero(fact.2) < 51200, '20 to 50 GiB',
                    '50 GiB and more'))),
                arrayFilter(fact -> startsWith(fact.1, 'free_space_mb.') AND toUInt64OrNull(fact.2) IS NOT NULL, JSONExtractKeysAndValues(facts, 'String')))
        ))) AS factors
    FROM {table:device} FINAL
    PREWHERE device_id IN {device_ids:Array(String)}
) AS d ON d.device_id = i.device_id
LEFT JOIN
(
    SELECT m.device_id AS device_id, argMaxIf((toString(m.site), toString(m.ring)), m.updated_at, m.is_deleted = 0) AS place, max(m.updated_at) AS planned_at,
        arraySort(groupArrayIf(m.rollout_id, m.is_deleted = 0)) AS rollouts
    FROM (SELECT * FROM {table:rollout_device} FINAL PREWHERE device_id IN {device_ids:Array(String)}) AS m
    GROUP BY device_id
) AS p ON p.device_id = i.device_id
LEFT JOIN
(
    -- Devices are counted, never lines: a code of a day stands once.
    SELECT s.device_id AS device_id, arraySort(groupArray((s.day, s.error_code, s.attempts, s.records))) AS days
    FROM
    (
        SELECT u.device_id AS device_id, u.day AS day, u.error_code AS error_code, sum(u.attempts) AS attempts, sum(u.records) AS records
        FROM
        (
            SELECT device_id, toDate(coalesce(ended_at, started_at)) AS day, assumeNotNull(error_code) AS error_code, count() AS attempts, 0 AS records
            FROM {table:update_attempt} FINAL
            PREWHERE device_id IN {device_ids:Array(String)} WHERE outcome IN ('failed', 'rolled_back') AND error_code > 0 AND coalesce(ended_at, started_at) IS NOT NULL
            GROUP BY device_id, day, error_code
            UNION ALL
            SELECT device_id, toDate(ifNull(occurred_at, collected_at)) AS day, assumeNotNull(error_code) AS error_code, 0 AS attempts, count() AS records
            FROM {table:update_event} FINAL
            PREWHERE device_id IN {device_ids:Array(String)} WHERE kind = 'record' AND error_code > 0
            GROUP BY device_id, day, error_code
            UNION ALL
            SELECT device_id, day, error_code, 0 AS attempts, sum(`count`) AS records
            FROM {table:noise_profile} FINAL
            PREWHERE device_id IN {device_ids:Array(String)} WHERE error_code != 0
            GROUP BY device_id, day, error_code
        ) AS u
        GROUP BY u.device_id, u.day, u.error_code
    ) AS s
    GROUP BY s.device_id
) AS c ON c.device_id = i.device_id
LEFT JOIN
(
    SELECT
        k.device_id AS device_id, max(k.is_failing) AS is_failing,
        arraySort(groupArrayIf((k.cluster_key, k.verdict, k.first_seen_at, k.last_seen_at, k.is_open, e.line), k.cluster_key != '')) AS members
    FROM
    (
        SELECT
            v.cluster_key AS cluster_key,
            v.device_id AS device_id,
            argMax(
                (
                    v.diagnosis_id, v.attempt_id, v.kb_article, toString(v.cause), toString(v.alert_subtype), v.culprit, v.error_code, toString(v.error_symbol),
                    v.inner_code, toString(v.phase), v.confidence, v.summary_en, v.summary_zh, v.actions_en, v.actions_zh
                ),
                (v.is_open, ifNull(v.last_seen_at, toDateTime64(0, 6, 'UTC')), v.diagnosis_id)
            ) AS verdict,
            min(v.first_seen_at) AS first_seen_at,
            max(v.last_seen_at) AS last_seen_at,
            max(v.is_open) AS is_open,
            max(v.is_open) AS is_failing
        FROM (SELECT * FROM {table:diagnosis} FINAL PREWHERE device_id IN {device_ids:Array(String)} WHERE rank = 0) AS v
        GROUP BY v.cluster_key, v.device_id
    ) AS k
    LEFT JOIN
    (
        -- The line that names the culprit tells most, then the one that names the cause.
        SELECT device_id, diagnosis_id, argMin((text, source_file, line_number), (indexOf(['culprit', 'cause', 'verdict', 'context'], toString(role)), seq)) AS line
        FROM {table:evidence} FINAL
        PREWHERE device_id IN {device_ids:Array(String)}
        GROUP BY device_id, diagnosis_id
    ) AS e ON e.device_id = k.device_id AND e.diagnosis_id = k.verdict.1
    GROUP BY k.device_id
) AS g ON g.device_id = i.device_id
LEFT JOIN
(
    -- Verdicts that make a cluster, as failure_cluster counts them.
    SELECT
        v.device_id AS device_id,
        arraySort(groupArray((
            v.cluster_key, v.cause, v.culprit, v.confidence, v.is_open, a.failures,
            -- A reason that was there for an earlier update is older than the failure of this one.
            greatest(v.first_seen_at, ifNull(a.failed_at, v.first_seen_at)) AS since,
            arrayFirstOrNull(at -> at >= ifNull(since, at), a.installed),
            -- Failures of the device with another reason that began after the last of this one.
            arrayCount(other -> other.1 != v.cluster_key AND ifNull(other.2 > v.last_seen_at, 0), o.failures)))) AS effects
    FROM
    (
        SELECT
            device_id, attempt_id, kb_article, toString(cause) AS cause, culprit, cluster_key, confidence, is_open, first_seen_at, last_seen_at
        FROM {table:diagnosis} FINAL
        PREWHERE device_id IN {device_ids:Array(String)} WHERE cluster_key != '' AND rank = 0
        ORDER BY rank
        LIMIT 1 BY device_id, if(attempt_id = '', diagnosis_id, attempt_id)
    ) AS v
    LEFT JOIN
    (
        SELECT
            t.device_id AS device_id,
            assumeNotNull(t.kb_article) AS kb_article,
            countIf(t.outcome IN ('failed', 'rolled_back')) AS failures,
            minIf(coalesce(t.started_at, t.ended_at), t.outcome IN ('failed', 'rolled_back')) AS failed_at,
            arraySort(groupArrayIf(assumeNotNull(coalesce(t.ended_at, t.started_at)), t.outcome = 'installed' AND coalesce(t.ended_at, t.started_at) IS NOT NULL)) AS installed
        FROM (SELECT * FROM {table:update_attempt} FINAL PREWHERE device_id IN {device_ids:Array(String)} WHERE kb_article IS NOT NULL) AS t
        GROUP BY t.device_id, t.kb_article
    ) AS a ON a.device_id = v.device_id AND a.kb_article = ifNull(v.kb_article, 0)
    LEFT JOIN
    (
        SELECT device_id, groupArray((cluster_key, first_seen_at)) AS failures
        FROM
        (
            SELECT device_id, cluster_key, first_seen_at
            FROM {table:diagnosis} FINAL
            PREWHERE device_id IN {device_ids:Array(String)} WHERE cluster_key != '' AND rank = 0 AND attempt_id != ''
            ORDER BY rank
            LIMIT 1 BY device_id, attempt_id
        )
        GROUP BY device_id
    ) AS o ON o.device_id = v.device_id
    GROUP BY v.device_id
) AS r ON r.device_id = i.device_id
LEFT JOIN
(
    SELECT
        u.device_id AS device_id,
        -- An attempt that names no update is made good by the next update of Windows that the device installs; definitions,
        -- tools and apps of the Store, which come out again and again, say nothing of it.
        arraySort(arrayFlatten(groupArrayIf(u.installs, u.kb NOT IN (2267602, 2461484, 2310138, 4052623, 890830)))) AS updated,
        arraySort(attempted -> attempted.1, arrayMap(
            (t, failed, installs) -> (t.1, t.2, t.3, t.4, t.5, arrayMap(
                failure -> (failure.1, failure.2, arrayFirstOrNull(at -> at >= failure.2, if(t.1 = 0, updated, installs))), failed)),
            groupArray((u.kb, u.tried_at, u.installed_at, u.rolled_back_at, u.failures)), groupArray(u.failed), groupArray(u.installs))) AS judged,
        -- Of the failures with one code that the same installation closed, the first: a device that fails every night fails once.
        arrayMap(
            t -> (t.1, t.2, t.3, t.4, t.5, arrayFilter(
                (lapse, place) -> place = 1 OR t.6[place - 1].1 != lapse.1 OR ifNull(t.6[place - 1].3, toDateTime64(0, 6, 'UTC')) != ifNull(lapse.3, toDateTime64(0, 6, 'UTC')),
                t.6, arrayEnumerate(t.6))),
            judged) AS tries
    FROM
    (
        SELECT
            a.device_id AS device_id,
            ifNull(a.kb_article, 0) AS kb,
            min(a.at) AS tried_at,
            minOrNullIf(a.at, a.outcome = 'installed') AS installed_at,
            maxOrNullIf(a.at, a.outcome = 'rolled_back') AS rolled_back_at,
            -- Without an article: an update that is known by its package. What has another title is an app, or a driver.
            arraySort(groupArrayIf(a.at, a.outcome = 'installed' AND (kb != 0 OR a.title = '' OR position(a.title, '~') > 0))) AS installs,
            arraySort(groupArrayIf((ifNull(a.error_code, 0), a.at), a.outcome IN ('failed', 'rolled_back') AND ifNull(a.error_code, 0) > 0)) AS failed,
            -- Sorted by code and time: the first of each code.
            arrayFilter((failure, place) -> place = 1 OR failed[place - 1].1 != failure.1, failed, arrayEnumerate(failed)) AS failures
        FROM
        (
            SELECT device_id, kb_article, title, error_code, outcome, assumeNotNull(coalesce(ended_at, started_at)) AS at
            FROM {table:update_attempt} FINAL
            PREWHERE device_id IN {device_ids:Array(String)} WHERE coalesce(ended_at, started_at) IS NOT NULL
        ) AS a
        GROUP BY a.device_id, kb
    ) AS u
    GROUP BY u.device_id
) AS y ON y.device_id = i.device_id
LEFT JOIN
(
    -- The lag is that of the record that arrived last: what was late long ago says nothing about the pipeline.
    SELECT
        n.device_id AS device_id,
        arraySort(groupArray((n.topic, n.partition, n.source, n.events, n.last_offset, n.newest.2, n.newest.1, dateDiff('millisecond', n.newest.2, n.newest.1)))) AS arrivals
    FROM
    (
        SELECT device_id, toString(topic) AS topic, partition, toString(source) AS source, count() AS events, max(offset) AS last_offset, max((ingested_at, collected_at)) AS newest
        FROM {table:update_event} FINAL
        PREWHERE device_id IN {device_ids:Array(String)}
        GROUP BY device_id, topic, partition, source
    ) AS n
    GROUP BY n.device_id
) AS w ON w.device_id = i.device_id
