-- Test metrics by class: positive windows (support), average precision with its interval, and precision, recall and F1 at the class's threshold.
SELECT class, support, MAX(value) FILTER (WHERE metric = 'average_precision') AS average_precision,
       MAX(ci_low) FILTER (WHERE metric = 'average_precision') AS ap_low, MAX(ci_high) FILTER (WHERE metric = 'average_precision') AS ap_high,
       MAX(value) FILTER (WHERE metric = 'precision_tuned') AS precision, MAX(value) FILTER (WHERE metric = 'recall_tuned') AS recall,
       MAX(value) FILTER (WHERE metric = 'f1_tuned') AS f1
FROM metrics WHERE subset = 'test' AND site IS NULL AND class IS NOT NULL AND "group" IS NULL GROUP BY class, support
