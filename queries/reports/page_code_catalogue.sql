-- The codes of the catalogue that a search names; grain: one per code. code: the code that the text spells, 0 when it
-- spells none; then the text is looked for in code, symbol and meaning.
SELECT
    error_code, error_symbol, toString(family) AS family, is_wrapper, meaning_en, meaning_zh, documented_in
FROM error_code_meaning FINAL
WHERE if(
    {code:UInt32} != 0,
    error_code = {code:UInt32},
    positionCaseInsensitive(concat('0x', leftPad(hex(error_code), 8, '0')), {text:String}) > 0
        OR positionCaseInsensitive(error_symbol, {text:String}) > 0
        OR positionCaseInsensitiveUTF8(meaning_en, {text:String}) > 0
        OR positionCaseInsensitiveUTF8(meaning_zh, {text:String}) > 0)
ORDER BY meaning_en = '', error_code
LIMIT 200
