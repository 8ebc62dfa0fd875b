-- Sound levels and mean acoustic indices by site and local hour, over all days, with the shares of minutes with rain, wind and clipping.
WITH timed AS (
    SELECT s.site, s.seconds, s.level_dbfs, s.level_db, s.l10_dbfs, s.l50_dbfs, s.l90_dbfs, s.rain, s.wind, s.clipping,
           s.aci, s.adi, s.aei, s.bi, s.ndsi, s.spectral_entropy, s.temporal_entropy, s.entropy,
           CAST(FLOOR((EXTRACT(hour FROM r.start_local) * 60 + EXTRACT(minute FROM r.start_local) + s.minute) / 60) AS BIGINT) % 24 AS hour
    FROM soundscape s JOIN recordings r ON s.recording_id = r.recording_id WHERE r.start_local IS NOT NULL AND r.copy_of IS NULL
)
SELECT site, hour, COUNT(*) AS minutes, SUM(seconds) / 3600 AS hours,
       10 * LOG10(SUM(POWER(10, level_dbfs / 10) * seconds) / SUM(CASE WHEN level_dbfs IS NOT NULL THEN seconds END)) AS level_dbfs,
       10 * LOG10(SUM(POWER(10, level_db / 10) * seconds) / SUM(CASE WHEN level_db IS NOT NULL THEN seconds END)) AS level_db,
       AVG(l10_dbfs) AS l10_dbfs, AVG(l50_dbfs) AS l50_dbfs, AVG(l90_dbfs) AS l90_dbfs,
       AVG(aci) AS aci, AVG(adi) AS adi, AVG(aei) AS aei, AVG(bi) AS bi, AVG(ndsi) AS ndsi,
       AVG(spectral_entropy) AS spectral_entropy, AVG(temporal_entropy) AS temporal_entropy, AVG(entropy) AS entropy,
       AVG(CASE WHEN rain THEN 1.0 WHEN NOT rain THEN 0.0 END) AS rain, AVG(CASE WHEN wind THEN 1.0 WHEN NOT wind THEN 0.0 END) AS wind,
       AVG(CASE WHEN clipping THEN 1.0 ELSE 0.0 END) AS clipping
FROM timed GROUP BY site, hour
