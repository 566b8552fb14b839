-- rollout_progress: one row per rollout, ring, site and state.
-- Why: how far are we.
-- Reads: device_compliance.
CREATE OR REPLACE VIEW rollout_progress {on_cluster} AS
SELECT
    rollout_id,
    any(rollout_name) AS rollout_name,
    any(c.kb_article) AS kb_article,
    ring,
    site,
    count() AS planned,
    countIf(reporting = 'excluded') AS excluded,
    countIf(reporting = 'never_seen') AS never_seen,
    countIf(reporting = 'stale') AS stale,
    countIf(reporting = 'reporting') AS reporting_devices,
    countIf(reporting != 'excluded' AND state = 'installed') AS installed,
    countIf(reporting != 'excluded' AND state = 'pending_restart') AS pending_restart,
    countIf(reporting != 'excluded' AND state = 'in_progress') AS in_progress,
    countIf(reporting != 'excluded' AND state = 'failed') AS failed,
    countIf(reporting != 'excluded' AND state = 'not_started') AS not_started,
    round(installed / nullIf(planned - excluded, 0), 4) AS installed_share
FROM device_compliance AS c
GROUP BY rollout_id, ring, site
COMMENT 'Grain: rollout, ring and site. planned = excluded + never_seen + stale + reporting_devices. installed_share is of planned devices that are not excluded.'
