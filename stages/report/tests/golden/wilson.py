"""Writes wilson.csv: Wilson's intervals of proportions by statsmodels, also for the counts of effective sample sizes, which are no whole numbers."""

from pathlib import Path

from statsmodels.stats.proportion import proportion_confint

CASES = [(0, 1), (1, 1), (0, 20), (20, 20), (1, 20), (17, 20), (50, 100), (999, 1000), (1.7, 2.4390243902439024), (12.25, 17.5), (0.001, 3.3)]

rows = ["count,n,low,high"]
for count, n in CASES:
    low, high = proportion_confint(count, n, alpha=0.05, method="wilson")
    rows.append(f"{count},{n},{float(max(low, 0.0))!r},{float(min(high, 1.0))!r}")
Path(__file__).with_suffix(".csv").write_text("\n".join(rows) + "\n")
