-- Test metrics by class: positive windows (support), average precision with its interval and within sites, and precision, recall and F1 at the class's threshold.
WITH at_sites AS (
    SELECT class, SUM(value * support) / SUM(support) AS ap_by_site FROM metrics
    WHERE subset = 'test' AND metric = 'average_precision' AND site IS NOT NULL AND class IS NOT NULL AND value IS NOT NULL GROUP BY class
), everywhere AS (
    SELECT class, support, MAX(value) FILTER (WHERE metric = 'average_precision') AS average_precision,
           MAX(ci_low) FILTER (WHERE metric = 'average_precision') AS ap_low, MAX(ci_high) FILTER (WHERE metric = 'average_precision') AS ap_high,
           MAX(value) FILTER (WHERE metric = 'precision_tuned') AS precision, MAX(value) FILTER (WHERE metric = 'recall_tuned') AS recall,
           MAX(value) FILTER (WHERE metric = 'f1_tuned') AS f1
    FROM metrics WHERE subset = 'test' AND site IS NULL AND class IS NOT NULL AND "group" IS NULL GROUP BY class, support
)
SELECT e.class, e.support, e.average_precision, e.ap_low, e.ap_high, s.ap_by_site, e.precision, e.recall, e.f1
FROM everywhere e LEFT JOIN at_sites s ON e.class = s.class
