-- Classes that detect left out at a site, or where site is null at all sites without a threshold of their own, with the reason and what would mend it.
WITH looked_for AS (
    -- A class that was looked for at a site has rows there, also where nothing was detected.
    SELECT DISTINCT a.class AS taken, own.site AS own_site FROM activity a LEFT JOIN thresholds own ON own.class = a.class AND own.site = a.site
)
SELECT t.class, t.site, t.why_not, t.validation_positives, t.validation_recordings, t.validation_f1, t.validation_precision, t.validation_precision_low, t.threshold
FROM thresholds t LEFT JOIN looked_for k ON k.taken = t.class AND (k.own_site = t.site OR (k.own_site IS NULL AND t.site IS NULL))
WHERE NOT t.usable AND k.taken IS NULL
