-- The catalogue of error codes, those with a meaning first; grain: one per code. The page applies its search.
SELECT error_code, error_symbol, toString(family) AS family, is_wrapper, meaning_en, meaning_zh, documented_in
FROM error_code_meaning FINAL
ORDER BY meaning_en = '', error_code
