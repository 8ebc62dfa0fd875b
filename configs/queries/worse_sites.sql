-- Where does the classifier do worse than elsewhere?
-- value: mean over the classes where it is defined; classes: how many these are.
SELECT site, metric, ROUND(value, 3) AS value, support AS classes
FROM metrics WHERE subset = 'test' AND site IS NOT NULL AND class IS NULL AND metric IN ('average_precision', 'f1_tuned') ORDER BY metric, value, site
