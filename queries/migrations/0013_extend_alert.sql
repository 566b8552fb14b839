-- alert: one row per alert.
-- Why: an alert explains itself: labels, numbers, devices and the reason in both languages.
-- Reads: `patchlens alert`, `alert_state`.
-- Key: alert_id.
-- Retention: for ever.
-- Shard: alert_id
ALTER TABLE {table:alert} {on_cluster}
    COMMENT COLUMN state 'Active; Resolved = not found for several evaluations; Deleted = its rule is gone',
    COMMENT COLUMN summary 'What is wrong, in one line of English',
    COMMENT COLUMN started_at 'When it was found first, by the time of the data',
    COMMENT COLUMN ended_at 'When it ended, by the time of the data; null while it is active',
    DROP COLUMN IF EXISTS notified_at,
    ADD COLUMN IF NOT EXISTS labels Map(String, String) COMMENT 'What makes it this alert: alertname, and what the rule names, such as ring and error_code' AFTER severity,
    ADD COLUMN IF NOT EXISTS ring String COMMENT 'Ring that it is about; empty when none' AFTER rollout_id,
    ADD COLUMN IF NOT EXISTS title_en String COMMENT 'Title of the rule, in English' AFTER rule,
    ADD COLUMN IF NOT EXISTS title_zh String COMMENT 'Title of the rule, in Chinese' AFTER title_en,
    ADD COLUMN IF NOT EXISTS summary_zh String COMMENT 'What is wrong, in one line of Chinese' AFTER summary,
    ADD COLUMN IF NOT EXISTS explanation_en String COMMENT 'Why it was raised, with the numbers compared, in English' AFTER summary_zh,
    ADD COLUMN IF NOT EXISTS explanation_zh String COMMENT 'The same in Chinese' AFTER explanation_en,
    ADD COLUMN IF NOT EXISTS sample_devices Array(String) COMMENT 'Some of the devices concerned, ten at most' AFTER devices,
    ADD COLUMN IF NOT EXISTS expected Nullable(Float64) COMMENT 'Devices that would be expected; null where the rule expects no number' AFTER sample_devices,
    ADD COLUMN IF NOT EXISTS p_value Nullable(Float64) COMMENT 'Chance of so many by chance, times what was tried; null where the rule makes no such test' AFTER expected,
    ADD COLUMN IF NOT EXISTS link String COMMENT 'Page of the dashboards that shows it: a path with its filters' AFTER p_value,
    ADD COLUMN IF NOT EXISTS times_raised UInt32 DEFAULT 1 COMMENT 'How often it was raised, this time included' AFTER link,
    ADD COLUMN IF NOT EXISTS quiet_evaluations UInt32 COMMENT 'Evaluations in a row that did not find it' AFTER times_raised,
    ADD COLUMN IF NOT EXISTS found_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When it was found last, by the time of the data' AFTER started_at
