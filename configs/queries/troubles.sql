-- Which files could not be read, or only in part?
-- reason_code: see docs/recordings-status.md; reason: description of the damage.
SELECT path, status, reason_code, reason FROM recordings WHERE status <> 'ok' ORDER BY path
