-- Nightly calling index by site, night and class: share of windows and minutes with a detection, and events per hour. Nights without recordings have no row.
WITH sums AS (
    SELECT site, night, class, SUM(effort_s) AS effort_s, SUM(windows) AS windows, SUM(windows_detected) AS windows_detected,
           SUM(minutes) AS minutes, SUM(minutes_detected) AS minutes_detected, SUM(events) AS events
    FROM activity WHERE night IS NOT NULL GROUP BY site, night, class
)
SELECT site, night, class, effort_s / 3600 AS hours, windows, windows_detected, minutes, minutes_detected, events,
       CASE WHEN windows > 0 THEN windows_detected * 1.0 / windows END AS share_of_windows,
       CASE WHEN minutes > 0 THEN minutes_detected * 1.0 / minutes END AS share_of_minutes,
       CASE WHEN effort_s > 0 THEN events * 3600.0 / effort_s END AS events_per_hour
FROM sums
