"""Acoustic indices of real recordings, beside scikit-maad: `check.py CHORUS DATA`.

DATA holds jura_24h: 96 recordings of ten seconds, and indices.csv, which the authors of scikit-maad made of them with an older version.
Compared are
- every index with scikit-maad of today, on the samples that soundfile decodes;
- ACI, Hf and Ht with indices.csv, whose other columns have other settings or definitions;
- levels with numpy.
Prints the largest difference of each, and ends with exit status 1 where one is too large.
"""

import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import maad.features as features
import maad.sound
import numpy as np
import pandas
import pyarrow.parquet as pq
import soundfile

HERE = Path(__file__).resolve().parent
# Of the value, for indices; in dB, for levels.
TOLERANCE = 1e-6
LEVEL_TOLERANCE = 1e-4


def chorus(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr[-2000:])


def table(run, name):
    return pandas.concat(pq.ParquetFile(path).read().to_pandas() for path in sorted((run / "tables" / name).rglob("*.parquet")))


def by_maad(samples, rate):
    """The indices with the defaults of all_spectral_alpha_indices and all_temporal_alpha_indices, and the level."""
    samples = samples - samples.mean()
    power, _, hz, _ = maad.sound.spectrogram(samples, rate)
    amplitude = np.sqrt(power)
    spectral, temporal = features.frequency_entropy(power)[0], features.temporal_entropy(samples)
    bands = dict(fmin=0, fmax=10000, bin_step=1000, dB_threshold=-50)
    return {
        "aci": features.acoustic_complexity_index(amplitude)[2],
        "adi": features.acoustic_diversity_index(amplitude.copy(), hz, **bands),
        "aei": features.acoustic_eveness_index(amplitude.copy(), hz, **bands),
        "bi": features.bioacoustics_index(amplitude, hz, flim=(1000, 10000)),
        "ndsi": features.soundscape_index(power, hz, flim_bioPh=(1000, 10000), flim_antroPh=(0, 1000))[0],
        "spectral_entropy": spectral,
        "temporal_entropy": temporal,
        "entropy": spectral * temporal,
        "level_dbfs": 10 * np.log10((samples**2).mean()),
    }


def published(path):
    """ACI, Hf and Ht by recording. The file has the values and the name of a recording on lines that follow each other."""
    lines = pandas.read_csv(path)
    names = [Path(name).stem for name in lines["file"].dropna()]
    values = lines.dropna(subset=["ACI"])[["ACI", "Hf", "Ht"]]
    assert len(names) == len(values), f"{len(names)} names and {len(values)} lines of values"
    return values.set_axis(names).rename(columns={"ACI": "aci", "Hf": "spectral_entropy", "Ht": "temporal_entropy"})


def largest(what, found, expected, tolerance, relative=True):
    """Whether the largest difference of each column is small enough."""
    good = True
    for name in expected.columns:
        apart = (found[name] - expected[name]).abs() / (expected[name].abs() if relative else 1)
        assert apart.notna().all(), f"{name} has no value for {apart[apart.isna()].index.tolist()[:3]}"
        print(f"{what}: {name}: largest difference {apart.max():.1e} ({apart.idxmax()}) in {len(apart)} recordings")
        good &= bool(apart.max() <= tolerance)
    return good


def main(program, data):
    warnings.filterwarnings("ignore", module="maad")
    archive = data / "jura_24h"
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        sets = [f"archive.path={archive}", f"run.path={run}", "soundscape.enabled=true", "units.keep_free_gib=0"]
        chorus(program, "run", "soundscape", "--with-upstream", "-c", HERE.parent / "jura_24h.yaml", *(part for pair in sets for part in ("--set", pair)))
        found = table(run, "soundscape").merge(table(run, "recordings")[["recording_id", "path"]], on="recording_id")
    found = found.set_index(found["path"].map(lambda path: Path(path).stem)).sort_index()
    assert (found["minute"] == 0).all() and np.allclose(found["seconds"], 10), "each recording has ten seconds"
    expected = {}
    for path in found["path"]:
        samples, rate = soundfile.read(archive / path)
        expected[Path(path).stem] = by_maad(samples, rate)
    expected = pandas.DataFrame.from_dict(expected, orient="index")
    good = largest("scikit-maad", found, expected.drop(columns="level_dbfs"), TOLERANCE)
    good &= largest("numpy, dB", found, expected[["level_dbfs"]], LEVEL_TOLERANCE, relative=False)
    good &= largest("indices.csv", found, published(archive / "indices.csv"), TOLERANCE)
    sys.exit(0 if good else "the differences are too large")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
