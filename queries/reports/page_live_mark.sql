-- A text that changes when something arrived or was recomputed. Cheap: it reads the list of parts, no rows. A part's
-- name holds the numbers of its inserts, so that no two contents share the names.
SELECT concat(toString(count()), '-', toString(groupBitXor(cityHash64(table, name)))) AS mark
FROM system.parts
WHERE database = currentDatabase() AND active
