-- How much was recorded, where and when?
-- hours: readable sound; first_date, last_date: local dates of the first and last recording.
SELECT site, MIN(date) AS first_date, MAX(date) AS last_date, COUNT(*) AS recordings, ROUND(SUM(CASE WHEN copy_of IS NULL THEN duration_s END) / 3600, 2) AS hours
FROM recordings WHERE status <> 'rejected' GROUP BY site ORDER BY site
