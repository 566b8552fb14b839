-- alert_state: one row per alert.
-- Why: what is wrong now, since when, how it is known, and who was told.
-- Reads: alert, alert_notification.
CREATE OR REPLACE VIEW {view:alert_state} {on_cluster} AS
SELECT
    a.alert_id AS alert_id,
    toString(a.rule) AS rule,
    a.title_en AS title_en,
    a.title_zh AS title_zh,
    toString(a.severity) AS severity,
    toString(a.state) AS state,
    a.labels AS labels,
    a.rollout_id AS rollout_id,
    a.ring AS ring,
    a.cluster_key AS cluster_key,
    a.error_code AS error_code,
    if(a.error_code IS NULL, '', concat('0x', leftPad(lower(hex(a.error_code)), 8, '0'))) AS error_code_hex,
    a.devices AS devices,
    a.sample_devices AS sample_devices,
    a.expected AS expected,
    a.p_value AS p_value,
    a.summary AS summary_en,
    a.summary_zh AS summary_zh,
    a.explanation_en AS explanation_en,
    a.explanation_zh AS explanation_zh,
    a.link AS link,
    a.times_raised AS times_raised,
    a.started_at AS started_at,
    a.found_at AS found_at,
    a.ended_at AS resolved_at,
    n.told_at AS notified_at,
    n.told AS notified_sinks,
    n.waiting AS waiting_sinks,
    n.last_error AS last_error,
    a.updated_at AS updated_at
FROM (SELECT * FROM {table:alert} FINAL) AS a
LEFT JOIN
(
    SELECT
        m.alert_id AS alert_id,
        m.started_at AS started_at,
        toString(m.state) AS state,
        max(m.delivered_at) AS told_at,
        arraySort(groupArrayIf(toString(m.sink), m.delivered_at IS NOT NULL)) AS told,
        arraySort(groupArrayIf(toString(m.sink), m.delivered_at IS NULL)) AS waiting,
        argMaxIf(m.error, m.updated_at, m.delivered_at IS NULL) AS last_error
    FROM (SELECT * FROM {table:alert_notification} FINAL) AS m
    GROUP BY m.alert_id, m.started_at, state
) AS n ON n.alert_id = a.alert_id AND n.started_at = a.started_at AND n.state = toString(a.state)
COMMENT 'One row per alert: the same condition (rule and labels) is the same alert, however often it is raised. state: Active, Resolved (not found for several evaluations) or Deleted (its rule is gone). severity: info, warning or critical. labels: what makes it this alert; rollout_id, ring, cluster_key and error_code repeat those among them, empty or null when it has none. devices: concerned when it was found last; sample_devices: ten of them at most. expected, p_value: null where the rule makes no such test. explanation_en, explanation_zh: the numbers compared. link: path in the dashboards. started_at, found_at, resolved_at: by the time of the data (resolved_at is null while it is active); notified_at: when the newest sink took the present state, null when none did. waiting_sinks: that have not taken it, last_error: why.'
