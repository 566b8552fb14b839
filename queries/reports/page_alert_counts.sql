-- How many alerts there are; grain: one per rule and state.
SELECT rule, any(title_en) AS title_en, any(title_zh) AS title_zh, state, count() AS alerts
FROM alert_state
GROUP BY rule, state
ORDER BY rule, state
