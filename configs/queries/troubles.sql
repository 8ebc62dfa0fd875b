-- Which files could not be read, or only in part?
-- reason_code: see docs/recordings-status.md; reason: the damage in words.
SELECT path, status, reason_code, reason FROM recordings WHERE status <> 'ok' ORDER BY path
