-- rollout_progress: one row per rollout, ring and site.
-- Why: how far are we, and where.
-- Reads: device_compliance, rollout.
CREATE OR REPLACE VIEW {view:rollout_progress} {on_cluster} AS
SELECT
    c.rollout_id AS rollout_id,
    r.name AS rollout_name,
    r.kb_article AS kb_article,
    c.ring AS ring,
    c.site AS site,
    r.release_at AS release_at,
    r.started_at AS started_at,
    r.deadline_at AS deadline_at,
    c.as_of AS as_of,
    c.planned AS planned,
    c.excluded AS excluded,
    c.planned - c.excluded AS eligible,
    c.reporting AS reporting,
    c.stale AS stale,
    c.never_seen AS never_seen,
    c.latest AS latest,
    c.missing_one AS missing_one,
    c.missing_multiple AS missing_multiple,
    c.reporting - c.latest - c.missing_one - c.missing_multiple AS build_unknown,
    c.installed AS installed,
    c.pending_restart AS pending_restart,
    c.in_progress AS in_progress,
    c.failed AS failed,
    c.not_started AS not_started,
    round(installed / nullIf(reporting, 0), 4) AS installed_share
FROM
(
    SELECT
        d.rollout_id AS rollout_id,
        d.ring AS ring,
        d.site AS site,
        max(d.as_of) AS as_of,
        count() AS planned,
        countIf(d.reporting = 'excluded') AS excluded,
        countIf(d.reporting = 'reporting') AS reporting,
        countIf(d.reporting = 'stale') AS stale,
        countIf(d.reporting = 'never_seen') AS never_seen,
        countIf(d.compliance = 'Latest') AS latest,
        countIf(d.compliance = 'Missing one') AS missing_one,
        countIf(d.compliance = 'Missing multiple') AS missing_multiple,
        countIf(d.state = 'installed') AS installed,
        countIf(d.state = 'pending_restart') AS pending_restart,
        countIf(d.state = 'in_progress') AS in_progress,
        countIf(d.state = 'failed') AS failed,
        countIf(d.state = 'not_started') AS not_started
    FROM (SELECT * FROM {view:device_compliance}) AS d
    GROUP BY d.rollout_id, d.ring, d.site
) AS c
INNER JOIN (SELECT * FROM {table:rollout} FINAL) AS r ON r.rollout_id = c.rollout_id
ORDER BY rollout_id, ring, site
COMMENT 'One row per rollout, ring and site; all counts add up over rings and sites. planned = excluded + eligible; eligible = reporting + stale + never_seen; reporting = installed + pending_restart + in_progress + failed + not_started, and = latest + missing_one + missing_multiple + build_unknown. installed_share: of reporting devices, null when none reports.'
