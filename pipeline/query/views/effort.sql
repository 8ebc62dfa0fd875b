-- Recorded hours, windows and minutes by site and night, with sunset and sunrise if coordinates are known.
SELECT site, night, effort_s / 3600 AS hours, windows, minutes, classes_detected, sun, sunset_local, sunrise_local
FROM nights
