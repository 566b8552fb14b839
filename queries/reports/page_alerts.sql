-- The alerts, active ones first, then the newest; grain: one per alert. Filters are off when empty.
SELECT
    alert_id, rule, title_en, title_zh, severity, state, labels, rollout_id, ring, cluster_key, error_code, devices,
    sample_devices, expected, p_value, summary_en, summary_zh, explanation_en, explanation_zh, link, times_raised,
    started_at, found_at, resolved_at, notified_at, notified_sinks, waiting_sinks, last_error
FROM alert_state
WHERE ({state:String} = '' OR state = {state:String}) AND ({rule:String} = '' OR rule = {rule:String})
    AND ({alert_id:String} = '' OR alert_id = {alert_id:String})
ORDER BY state = 'Active' DESC, indexOf(['critical', 'warning', 'info'], severity), started_at DESC, alert_id
LIMIT 5000
