-- device: one row per device.
-- Why: a device that was judged by other rules, another version of the program or other reference data kept its verdict for ever.
-- Reads: what looks for devices to judge anew.
-- Key: device_id.
-- Retention: for ever.
-- Shard: device_id
ALTER TABLE {table:device} {on_cluster}
    ADD COLUMN IF NOT EXISTS made_by LowCardinality(String) COMMENT 'Names the version, the rules and the reference data that judged the device; empty before there were such names' AFTER facts
