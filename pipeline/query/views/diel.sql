-- Share of windows with a detection by site, class and local hour, over all nights.
WITH sums AS (
    SELECT site, class, hour, SUM(effort_s) AS effort_s, SUM(windows) AS windows, SUM(windows_detected) AS windows_detected, SUM(events) AS events
    FROM activity WHERE hour IS NOT NULL GROUP BY site, class, hour
)
SELECT site, class, hour, effort_s / 3600 AS hours, windows, windows_detected, events,
       CASE WHEN windows > 0 THEN windows_detected * 1.0 / windows END AS share_of_windows
FROM sums
