-- How good is the classifier on test recordings, species by species?
-- support: positive windows; ap: average precision with its 95 % interval;
-- f1, precision: at the threshold of the species. Empty: not defined.
SELECT class, support, ROUND(MAX(value) FILTER (WHERE metric = 'average_precision'), 3) AS ap,
       ROUND(MAX(ci_low) FILTER (WHERE metric = 'average_precision'), 3) AS ap_low, ROUND(MAX(ci_high) FILTER (WHERE metric = 'average_precision'), 3) AS ap_high,
       ROUND(MAX(value) FILTER (WHERE metric = 'f1_tuned'), 3) AS f1, ROUND(MAX(value) FILTER (WHERE metric = 'precision_tuned'), 3) AS precision
FROM metrics WHERE subset = 'test' AND site IS NULL AND class IS NOT NULL GROUP BY class, support ORDER BY support DESC, class
