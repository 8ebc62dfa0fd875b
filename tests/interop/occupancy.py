"""Exports a survey whose truth is known and fits models of occupancy to it: `occupancy.py CHORUS RUN`.

RUN is any run: its files tell how tables look. The survey is drawn by chance, with a fixed seed: sites that are occupied or not, nights in
which the class calls, scores, detections with many false positives, a listener who checks half of them, nights without a recording and with
one that is too short for a window. What `chorus export occupancy` writes has to be that survey, cell by cell. Then three models, written
here by hand, are fitted by maximum likelihood: that of false positives with certain detections (Miller et al. 2011; type 3 of unmarked's
occuFP) and that of continuous scores (Rhinehart et al. 2022) have to find the truth within their intervals of 95 %, and the plain one
(MacKenzie et al. 2002), which knows no false positives, has to miss it. Where R is installed, read.R has to give the same matrices and the
same fit of scores, and where unmarked is too, occuFP the same estimates. Ends with exit status 1 and what differs, else prints what was
compared.
"""

import csv
import datetime
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas
import pyarrow
import pyarrow.parquet
from scipy.optimize import minimize
from scipy.stats import norm

SEED = 5
SITES, NIGHTS, WINDOWS = 160, 6, 4
FIRST = datetime.date(2024, 3, 1)
# Occupied sites; nights with calls at these; scores without and with the class; what is detected; what a listener checks.
PSI, THETA, WITHOUT, WITH, THRESHOLD, CHECKED = 0.6, 0.6, -1.0, 2.5, 0.0, 0.5
CLASS = "FROG"


def simulate():
    """Arrays of sites by nights: whether there are scores, the highest one, what was detected, and what a listener said (NaN: nothing)."""
    rng = np.random.default_rng(SEED)
    shape = (SITES, NIGHTS)
    occupied = rng.random(SITES) < PSI
    calls = occupied[:, None] & (rng.random(shape) < THETA)
    score = np.where(calls, WITH, WITHOUT) + rng.standard_normal(shape)
    kind = rng.choice(["heard", "short", "none"], shape, p=[0.85, 0.05, 0.1])
    # At least one site records in each night, and each site in one.
    kind[0], kind[:, 0] = "heard", "heard"
    score = np.round(score, 3)
    detected = score > THRESHOLD
    checked = detected & (rng.random(shape) < CHECKED)
    said = np.where(checked, calls.astype(float), np.nan)
    known = kind == "heard"
    return {"kind": kind, "score": np.where(known, score, np.nan), "detected": np.where(known, detected, np.nan), "said": np.where(known, said, np.nan)}


def schema(path):
    """The columns of a file, and which table it says to be of."""
    file = pyarrow.parquet.ParquetFile(path)
    told = {key: value for key, value in (file.metadata.metadata or {}).items() if key.startswith(b"chorus.")}
    return file.schema_arrow.with_metadata(told)


def rows(schema, columns):
    """A table of this schema: the given columns, nothing where nothing may be, and anything elsewhere."""
    n = len(next(iter(columns.values())))

    def column(field):
        if field.name in columns:
            return pyarrow.array(columns[field.name], pyarrow.int64() if pyarrow.types.is_timestamp(field.type) else None).cast(field.type)
        if field.nullable:
            return pyarrow.nulls(n, field.type)
        filler = [f"{i:06}" for i in range(n)] if pyarrow.types.is_string(field.type) else [1] * n
        return pyarrow.array(filler).cast(field.type)

    unknown = set(columns) - set(schema.names)
    assert not unknown, f"the schema has no {unknown}"
    return pyarrow.table([column(field) for field in schema], schema=schema)


def write(run, like, survey):
    """Writes the tables of the survey as those of a run, and a review sheet; the sheet's path."""
    schemas = {name: schema(next((like / "tables" / name).rglob("*.parquet"))) for name in ("recordings", "predictions", "detections", "activity")}
    sites = [f"S{i:03}" for i in range(SITES)]
    sheet = []
    for i, site in enumerate(sites):
        for night in range(NIGHTS):
            kind, score = survey["kind"][i, night], survey["score"][i, night]
            if kind == "none":
                continue
            date = FIRST + datetime.timedelta(days=night)
            start_us = int(datetime.datetime(date.year, date.month, date.day, 22, tzinfo=datetime.timezone.utc).timestamp() * 1e6)
            recording, path = f"{site}-{night}", f"{site}/{date}.wav"
            # The highest of the windows has the score of the night.
            scores = [score - 0.5 * k for k in (2, 0, 3, 1)] if kind == "heard" else []
            starts = [3.0 * k for k in range(len(scores))]
            seconds = 3.0 * WINDOWS if scores else 2.0
            tables = {
                "recordings": {"recording_id": [recording], "path": [path], "start_utc": [start_us], "start_local": [start_us], "utc_offset_min": [0],
                               "timezone": ["UTC"], "duration_s": [seconds], "status": ["ok"], "latitude": [10.0 + i / 100], "longitude": [20.0], "level_dbfs": [-40.0]},
                "predictions": {"segment_id": [f"{recording}-{k:06}" for k in range(len(scores))], "recording_id": [recording] * len(scores), "class": [CLASS] * len(scores),
                                "start_s": starts, "end_s": [start + 3.0 for start in starts], "logit": scores, "score": [1 / (1 + np.exp(-s)) for s in scores]},
            }  # fmt: skip
            is_found = int(survey["detected"][i, night] == 1)
            tables["detections"] = {"recording_id": [recording] * is_found, "class": [CLASS] * is_found, "start_s": [3.0] * is_found, "end_s": [6.0] * is_found,
                                    "windows": [1] * is_found, "peak_score": [0.9] * is_found, "mean_score": [0.9] * is_found}  # fmt: skip
            for name, columns in tables.items():
                place = run / "tables" / name / f"site={site}" / f"date={date}"
                place.mkdir(parents=True)
                pyarrow.parquet.write_table(rows(schemas[name], columns), place / "part-000.parquet")
            if not np.isnan(survey["said"][i, night]):
                sheet.append([path, CLASS, 3.0, 6.0, "yes" if survey["said"][i, night] else "no", "top", 0.9, "", 0])
    place = run / "tables" / "activity"
    place.mkdir()
    pyarrow.parquet.write_table(rows(schemas["activity"], {"site": sites, "class": [CLASS] * SITES}), place / "part-000.parquet")
    path = run.parent / "review.csv"
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["recording", "class", "start_s", "end_s", "verdict", "strata", "score", "score_bin", "bin_detections"], *sheet])
    return path


def read(folder):
    """The columns of visits.csv as arrays of sites by visits."""
    visits = pandas.read_csv(folder / "visits.csv", dtype={"site": str, "class": str})
    assert len(visits) == SITES * NIGHTS and set(visits["class"]) == {CLASS}, f"{len(visits)} visits of {set(visits['class'])}"
    wide = lambda column: visits.pivot(index="site", columns="visit", values=column).to_numpy(dtype=float)
    return {column: wide(column) for column in ("effort_h", "windows", "events", "events_refuted", "max_logit", "detected", "listened", "confirmed", "refuted", "annotation")}


def compare(found, survey):
    """Every cell is that of the survey."""
    same = lambda name, wanted: np.testing.assert_allclose(found[name], wanted, atol=1e-5, err_msg=name)
    same("detected", survey["detected"])
    same("max_logit", survey["score"])
    same("events", survey["detected"])
    same("windows", np.where(survey["kind"] == "heard", WINDOWS, 0))
    same("effort_h", np.select([survey["kind"] == "heard", survey["kind"] == "short"], [12 / 3600, 2 / 3600], 0))
    same("confirmed", survey["said"] == 1)
    same("refuted", survey["said"] == 0)
    same("listened", ~np.isnan(survey["said"]))
    same("annotation", survey["said"])
    same("events_refuted", np.where(np.isnan(survey["detected"]), np.nan, survey["said"] == 0))
    return found["detected"].size


def certainty(found):
    """0 not detected, 1 detected and not certain, 2 certain."""
    y = found["detected"].copy()
    y[(found["events"] > 0) & (found["events_refuted"] >= found["events"])] = 0
    y[~np.isnan(y) & (found["confirmed"] > 0)] = 2
    return y


def logit(p):
    return np.log(p / (1 - p))


def logistic(x):
    return 1 / (1 + np.exp(-x))


def fit(nll, start):
    """The estimate, and standard errors from the second differences of the negative logarithm of the likelihood."""
    found = minimize(nll, start, method="BFGS")
    x, h = found.x, 1e-4
    steps = np.eye(len(x)) * h
    second = lambda a, b: (nll(x + a + b) - nll(x + a - b) - nll(x - a + b) + nll(x - a - b)) / (4 * h * h)
    hessian = np.array([[second(a, b) for b in steps] for a in steps])
    return x, np.sqrt(np.diag(np.linalg.inv(hessian)))


def of_sites(psi, occupied, empty):
    """The negative logarithm of the likelihood, from that of each visit of an occupied and of an empty site; missing visits are NaN."""
    product = lambda visits: np.prod(np.where(np.isnan(visits), 1, visits), axis=1)
    return -np.sum(np.log(psi * product(occupied) + (1 - psi) * product(empty) + 1e-300))


def plain(y):
    """psi, and p at occupied sites."""

    def nll(x):
        psi, p = logistic(x)
        return of_sites(psi, np.where(np.isnan(y), np.nan, np.where(y > 0, p, 1 - p)), np.where(np.isnan(y), np.nan, y == 0))

    return fit(nll, [0.0, 0.0])


def false_positives(y):
    """psi, p11 at occupied sites, p10 at empty ones, and b, the share of certain ones among detections at occupied sites."""

    def nll(x):
        psi, p11, p10, b = logistic(x)
        pick = lambda zero, one, two: np.select([y == 0, y == 1, y == 2], [zero, one, two], np.nan)
        return of_sites(psi, pick(1 - p11, p11 * (1 - b), p11 * b), pick(1 - p10, p10, 0.0))

    return fit(nll, [0.0, 0.0, -2.0, 0.0])


def scores(score, annotation):
    """psi, theta, the mean without, the logarithm of its spread, that of the difference of the means, and that of the spread with the class."""

    def nll(x):
        psi, theta = logistic(x[:2])
        without, with_ = norm.pdf(score, x[2], np.exp(x[3])), norm.pdf(score, x[2] + np.exp(x[4]), np.exp(x[5]))
        occupied = np.select([annotation == 1, annotation == 0], [theta * with_, (1 - theta) * without], theta * with_ + (1 - theta) * without)
        return of_sites(psi, occupied, np.where(annotation == 1, 0.0, without))

    return fit(nll, [0.0, 0.0, np.nanmean(score) - 1, 0.0, 1.0, 0.0])


def within(name, parameters, estimate, error, truth):
    for parameter, x, e, true in zip(parameters, estimate, error, truth):
        low, high = x - 1.96 * e, x + 1.96 * e
        assert low <= true <= high, f"{name}: {parameter} is {true:.3f} and estimated from {low:.3f} to {high:.3f} (logits and logarithms)"
    print(f"{name}: the truth lies within the intervals of {', '.join(parameters)}; psi {logistic(estimate[0]):.3f}, true {PSI}")


def in_r(folder, y, of_false_positives, of_scores):
    """read.R beside what was read and fitted here."""
    program = shutil.which("Rscript")
    if program is None:
        print("skipped: R is not installed, so read.R was not run")
        return
    script = f"""
source("{folder}/read.R")
survey <- chorus_read("{folder}")
write.csv(chorus_certainty(survey, "{CLASS}"), "{folder}/y.csv", row.names = FALSE)
write.csv(chorus_spoccupancy(survey, "{CLASS}", "minutes")$y, "{folder}/detected.csv", row.names = FALSE)
cat("scores", chorus_fit_scores(chorus_scores(survey, "{CLASS}"))["psi", "estimate"], "\\n")
if (suppressPackageStartupMessages(require(unmarked, quietly = TRUE))) {{
  invisible(chorus_unmarked(survey, "{CLASS}", "minutes"))
  fit <- occuFP(~ 1, ~ 1, ~ 1, ~ 1, data = chorus_false_positives(survey, "{CLASS}"))
  cat("unmarked", plogis(coef(fit, type = "state")[[1]]), "\\n")
}}
"""
    done = subprocess.run([program, "--vanilla", "-e", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    got = pandas.read_csv(folder / "y.csv").to_numpy(dtype=float)
    np.testing.assert_array_equal(got, y, "read.R gives another matrix of detections and certainty")
    np.testing.assert_array_equal(pandas.read_csv(folder / "detected.csv").to_numpy(dtype=float), np.where(np.isnan(y), np.nan, read(folder)["detected"]))
    told = dict(line.split() for line in done.stdout.splitlines() if line.startswith(("scores", "unmarked")))
    assert abs(float(told["scores"]) - logistic(of_scores[0])) < 1e-3, f"R fits psi {told['scores']} to scores, Python {logistic(of_scores[0])}"
    print("R: read.R gives the same matrices, and the same psi from scores")
    if "unmarked" in told:
        assert abs(float(told["unmarked"]) - logistic(of_false_positives[0])) < 1e-3, f"occuFP: psi {told['unmarked']}, here {logistic(of_false_positives[0])}"
        print("R: unmarked's occuFP gives the same psi")
    else:
        print("skipped: R's package unmarked is not installed")


def main(chorus, like):
    survey = simulate()
    with tempfile.TemporaryDirectory() as work:
        run, folder = Path(work, "run"), Path(work, "out")
        sheet = write(run, like, survey)
        done = subprocess.run([chorus, "export", "occupancy", "--run", run, "--sheet", sheet, "-o", folder], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found = read(folder)
        print(f"occupancy: {compare(found, survey)} visits as they were drawn")
        y = certainty(found)
        estimate, error = plain(found["detected"])
        assert logistic(estimate[0] - 1.96 * error[0]) > PSI, "without false positives psi is too high, and this one is not: the survey tests nothing"
        with_class, without = norm.sf(THRESHOLD, WITH), norm.sf(THRESHOLD, WITHOUT)
        certain, uncertain = CHECKED * THETA * with_class, (1 - CHECKED) * (THETA * with_class + (1 - THETA) * without)
        truth = logit(np.array([PSI, certain + uncertain, (1 - CHECKED) * without, certain / (certain + uncertain)]))
        first = false_positives(y)
        within("false positives", ["psi", "p11", "p10", "b"], *first, truth)
        second = scores(found["max_logit"], found["annotation"])
        within("scores", ["psi", "theta", "mean", "spread", "difference", "spread with"], *second, [logit(PSI), logit(THETA), WITHOUT, 0.0, np.log(WITH - WITHOUT), 0.0])
        in_r(folder, y, first[0], second[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]))
