-- update_attempt: one row per device and attempt.
-- Why: an update that was taken off again is neither installed nor failed.
-- Reads: `device_digest`, `device_standing`, `device_timeline`.
-- Key: (device_id, attempt_id): an attempt that is recomputed replaces itself.
-- Retention: for ever.
-- Shard: device_id
ALTER TABLE {table:update_attempt} {on_cluster}
    COMMENT COLUMN IF EXISTS outcome 'in_progress, installed, failed, rolled_back, cancelled, pending_restart or uninstalled',
    COMMENT COLUMN IF EXISTS furthest_client_substate 'How far it got: OfferReceived to UpdateInstalled, or UpdateUninstalled'
