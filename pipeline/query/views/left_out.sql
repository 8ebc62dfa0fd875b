-- Classes that validation does not show to be told, with the reason and what would mend it; by default, detect leaves them out.
SELECT class, site, why_not, validation_positives, validation_recordings, validation_f1, validation_precision, validation_precision_low, threshold
FROM thresholds WHERE NOT usable
