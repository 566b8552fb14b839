-- file_hash_consensus: one row per build, file and device that reports the file's hash.
-- Why: which device has a changed file, and which one a good copy can be taken from.
-- Reads: device (hash listings of its inventory), update_event (the component store's own complaints), diagnosis.
-- Below the Windows folder a file is known by its path, elsewhere by its name: packages are copied anywhere.
-- Devices of one build have the same files; a build that is known without its revision is none. A hash is agreed on when at least two devices have it and more
-- than any other hash; what the component store itself expects needs no majority, and holds until the device has
-- installed an update and has no open failure: then it was repaired.
CREATE OR REPLACE VIEW {view:file_hash_consensus} {on_cluster} AS
SELECT
    r.os_build AS os_build,
    r.file AS file,
    r.algorithm AS algorithm,
    r.device_id AS device_id,
    r.path AS path,
    r.hash AS hash,
    if(r.expected != '', r.expected, ifNull(c.hash, '')) AS consensus_hash,
    multiIf(r.expected != '', 'component store', consensus_hash != '', 'majority', '') AS consensus_by,
    toUInt64(greatest(ifNull(c.reporting, 1), 1)) AS devices,
    toUInt64(if(r.expected != '', 0, ifNull(c.agreeing, 0))) AS agreeing,
    toUInt8(consensus_hash != '' AND r.hash != consensus_hash) AS is_odd,
    if(is_odd = 0, '', if(r.expected != '', ifNull(b.donor, ''), ifNull(c.donor, ''))) AS donor_device_id
FROM
(
    SELECT device_id, os_build, algorithm, path, file, hash, '' AS expected
    FROM
    (
        SELECT
            device_id,
            os_build,
            arrayJoin(arrayFilter(fact -> match(fact.1, '^file_(sha256|sha1|md5|sha384|sha512)[.]'), JSONExtractKeysAndValues(facts, 'String'))) AS fact,
            extract(fact.1, '^file_([a-z0-9]+)[.]') AS algorithm,
            substring(fact.1, length(algorithm) + 7) AS path,
            lower(path) AS lower_path,
            if(position(lower_path, '\\windows\\') > 0, substring(lower_path, position(lower_path, '\\windows\\')), splitByRegexp('[\\\\/]', lower_path)[-1]) AS file,
            lower(fact.2) AS hash
        FROM {table:device} FINAL
        WHERE facts LIKE '%"file\_%'
    )
    UNION ALL
    SELECT e.device_id AS device_id, d.os_build AS os_build, 'component store' AS algorithm, e.path AS path, lower(e.path) AS file, e.found AS hash, e.expected AS expected
    FROM
    (
        SELECT
            device_id,
            extract(message, '\'([^\']+)\'') AS path,
            argMax(lower(extract(message, 'Expected:\\{l:[0-9]+ b:([0-9a-fA-F]+)')), (ifNull(occurred_at, collected_at), event_id)) AS expected,
            max(ifNull(occurred_at, collected_at)) AS complained_at,
            argMax(lower(extract(message, 'Found:\\{l:[0-9]+ b:([0-9a-fA-F]+)')), (ifNull(occurred_at, collected_at), event_id)) AS found
        FROM {table:update_event} FINAL
        WHERE source = 'cbs_log' AND message LIKE '%Expected:_l:%' AND message LIKE '%Found:{l:%'
        GROUP BY device_id, path
    ) AS e
    INNER JOIN (SELECT device_id, os_build FROM {table:device} FINAL) AS d ON d.device_id = e.device_id
    LEFT JOIN
    (
        SELECT device_id, max(assumeNotNull(coalesce(ended_at, started_at))) AS installed_at
        FROM {table:update_attempt} FINAL
        WHERE outcome = 'installed' AND coalesce(ended_at, started_at) IS NOT NULL
        GROUP BY device_id
    ) AS i ON i.device_id = e.device_id
    WHERE e.path != '' AND e.expected != ''
        AND (i.device_id = '' OR e.complained_at > i.installed_at OR e.device_id IN (SELECT device_id FROM {table:diagnosis} FINAL WHERE rank = 0 AND is_open = 1))
) AS r
LEFT JOIN
(
    -- Of the hashes of one file the one that most devices have, where it is the only one with so many.
    SELECT
        os_build, file, algorithm,
        sum(having_it) AS reporting,
        max(having_it) AS most,
        if(most >= 2 AND countIf(having_it = most_of_file) = 1, argMax(hash, having_it), '') AS hash,
        if(hash = '', 0, most) AS agreeing,
        if(hash = '', '', argMax(donor, having_it)) AS donor
    FROM
    (
        SELECT *, max(having_it) OVER (PARTITION BY os_build, file, algorithm) AS most_of_file
        FROM
        (
            SELECT
                l.os_build AS os_build, l.file AS file, l.algorithm AS algorithm, l.hash AS hash,
                uniqExact(l.device_id) AS having_it,
                -- A device without an open failure if there is one.
                argMin(l.device_id, (l.device_id IN (SELECT device_id FROM {table:diagnosis} FINAL WHERE rank = 0 AND is_open = 1), l.device_id)) AS donor
            FROM
            (
                SELECT
                    device_id,
                    os_build,
                    arrayJoin(arrayFilter(fact -> match(fact.1, '^file_(sha256|sha1|md5|sha384|sha512)[.]'), JSONExtractKeysAndValues(facts, 'String'))) AS fact,
                    extract(fact.1, '^file_([a-z0-9]+)[.]') AS algorithm,
                    lower(substring(fact.1, length(algorithm) + 7)) AS lower_path,
                    if(position(lower_path, '\\windows\\') > 0, substring(lower_path, position(lower_path, '\\windows\\')), splitByRegexp('[\\\\/]', lower_path)[-1]) AS file,
                    lower(fact.2) AS hash
                FROM {table:device} FINAL
                WHERE ubr IS NOT NULL AND facts LIKE '%"file\_%'
            ) AS l
            GROUP BY os_build, file, algorithm, hash
        )
    )
    GROUP BY os_build, file, algorithm
) AS c ON c.os_build = r.os_build AND c.file = r.file AND c.algorithm = r.algorithm
LEFT JOIN
(
    SELECT os_build, min(device_id) AS donor
    FROM {table:device} FINAL
    WHERE os_build != '' AND ubr IS NOT NULL
        AND device_id NOT IN (SELECT device_id FROM {table:diagnosis} FINAL WHERE rank = 0 AND is_open = 1)
        AND device_id NOT IN (SELECT device_id FROM {table:update_event} WHERE source = 'cbs_log' AND message LIKE '%Expected:_l:%')
    GROUP BY os_build
) AS b ON b.os_build = r.os_build
ORDER BY os_build, file, algorithm, device_id
COMMENT 'One row per build, file, algorithm and device that reports the hash of the file. consensus_hash: what most devices of the build have, or what the component store of the device itself expects; empty when nothing is agreed on; consensus_by says which. devices: of the build that report the file, this one included; agreeing: with the agreed hash. is_odd: 1 = this device has another one. donor_device_id: a device of the same build and revision that a good copy can be taken from, one without an open failure if there is one; empty when none is known.'
