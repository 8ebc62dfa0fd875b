-- How much was listened to: hours, windows and minutes of recordings by site and night, with sunset and sunrise where the place is known.
SELECT site, night, effort_s / 3600 AS hours, windows, minutes, classes_detected, sun, sunset_local, sunrise_local
FROM nights
