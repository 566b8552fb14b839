-- error_code_meaning: one row per error code that anybody has described.
-- Why: who reads a code in a table wants to know what it says, in SQL as on the pages; the catalogue is that of `patchlens code`, the operator's own rows included.
-- Reads: `error_code_catalogue`, the page of error codes.
-- Key: error_code; ten thousand rows, replaced as a whole when the transform stage starts with another catalogue.
-- Retention: until replaced.
CREATE TABLE IF NOT EXISTS {table:error_code_meaning} {on_cluster}
(
    error_code UInt32 COMMENT 'HRESULT, NTSTATUS or what else stands for a failure; Win32 errors as 0x8007xxxx',
    error_symbol String COMMENT 'Its symbol; empty when it has none',
    family LowCardinality(String) COMMENT 'wu, uso, cbs, sxs, win32, setup, bits, do, http, ese, nt, appx, spapi, trust, com or hresult',
    is_wrapper UInt8 COMMENT '1 = it only says that something underneath failed',
    phase LowCardinality(String) COMMENT 'Phase that it usually comes from; empty when it comes from any',
    meaning_en String COMMENT 'What it means, in English; empty when nobody has written it down',
    meaning_zh String COMMENT 'The same in Chinese',
    documented_in String COMMENT 'Address of its documentation; empty when there is none',
    catalogue String COMMENT 'Which catalogue the row is of; all rows are of the same one',
    loaded_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When it was loaded; the newest wins',
    is_deleted UInt8 DEFAULT 0 COMMENT '1 = a later catalogue no longer has this code'
)
ENGINE = {engine:ReplacingMergeTree(loaded_at, is_deleted)}
ORDER BY error_code
SETTINGS
    old_parts_lifetime = 480,
    min_rows_to_fsync_after_merge = 1,
    fsync_part_directory = 1,
    fsync_after_insert = 1
COMMENT 'One row per error code that anybody has described: symbol, family and meaning, whether this fleet logged it or not.'
