-- Windows, events and nights with a detection for each class and site, beside the recording effort.
WITH sums AS (
    SELECT site, class, SUM(effort_s) AS effort_s, SUM(windows) AS windows, SUM(windows_detected) AS windows_detected, SUM(events) AS events
    FROM activity GROUP BY site, class
)
SELECT s.site, s.class, s.effort_s / 3600 AS hours, s.windows, s.windows_detected,
       CASE WHEN s.windows > 0 THEN s.windows_detected * 1.0 / s.windows END AS share_of_windows,
       s.events, p.nights, p.nights_detected, p.first_night, p.last_night
FROM sums s JOIN phenology p ON s.site = p.site AND s.class = p.class
