-- At which sites is the classifier worse than at others?
-- value: mean over the classes for which the metric is defined; classes: number of these classes.
SELECT site, metric, ROUND(value, 3) AS value, support AS classes
FROM metrics WHERE subset = 'test' AND site IS NOT NULL AND class IS NULL AND metric IN ('average_precision', 'f1_tuned') ORDER BY metric, value, site
