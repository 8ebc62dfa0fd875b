-- When was each species first and last detected at each site, and how much was recorded before and after?
-- nights_before = 0: it may have called before the first recording.
-- night_before: the last recorded night without it before first_night; it began to call between the two.
SELECT site, class, first_night, last_night, nights_detected, nights, nights_before, night_before, nights_after, night_after
FROM phenology WHERE site IS NOT NULL AND first_night IS NOT NULL ORDER BY site, first_night, class
