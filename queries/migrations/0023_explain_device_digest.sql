-- device_digest: one row per device.
-- Why: ring and site were decided in two orders: the plan comes first wherever they are asked for.
-- Reads: `device_place`, `cluster_device`.
-- Key: device_id; rows of an older layout are made again when a service starts.
-- Retention: as long as the device.
-- Shard: device_id
ALTER TABLE {table:device_digest} {on_cluster}
    COMMENT COLUMN IF EXISTS place 'Of the newest plan that names it, else of its inventory'
