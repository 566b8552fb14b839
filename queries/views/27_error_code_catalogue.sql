-- error_code_catalogue: one row per error code that anybody has described.
-- Why: what does this code mean.
-- Reads: error_code_meaning.
CREATE OR REPLACE VIEW {view:error_code_catalogue} {on_cluster} AS
SELECT
    error_code,
    concat('0x', leftPad(lower(hex(error_code)), 8, '0')) AS error_code_hex,
    error_symbol,
    CAST(family, 'String') AS family,
    is_wrapper,
    CAST(phase, 'String') AS phase,
    meaning_en,
    meaning_zh,
    documented_in
FROM {table:error_code_meaning} FINAL
COMMENT 'One row per error code that anybody has described, whether this fleet logged it or not. is_wrapper: 1 = it only says that something underneath failed. meaning_en, meaning_zh: empty when nobody has written it down. Join it to any error_code or inner_code.'
