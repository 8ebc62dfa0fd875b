"""Models that `chorus model export onnx` writes, in ONNX Runtime and before ONNX's own checker: `onnx_files.py CHORUS RUN`.

RUN is a labelled run with the tables features and predictions. The file that takes features has to give the logits of the table predictions
to 1e-4, and the probabilities of decisions.yaml; the one that takes sound has to give, to 1e-3, what the other gives of the spectrograms
that numpy makes: about one value in a thousand is rounded to the other float16 beside it. Ends with exit status 1 and what differs, else prints what was compared.
"""

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import yaml

TOLERANCE, OF_SOUND = 1e-4, 1e-3


def exported(chorus, run, folder, takes):
    path = Path(folder, f"{takes}.onnx")
    command = [chorus, "model", "export", "onnx", Path(run, "model"), "--out", path, "--input", takes]
    subprocess.run(command, check=True, capture_output=True)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    told = {entry.key: entry.value for entry in model.metadata_props}
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]), told


def windows(run):
    """Ids and spectrograms of each file of the table features."""
    for path in sorted(Path(run, "tables", "features").rglob("*.parquet")):
        file = pq.ParquetFile(path)
        shape = [int(n) for n in file.metadata.metadata[b"chorus.shape"].split(b",")]
        table = file.read(columns=["segment_id", "logmel"]).to_pydict()
        if table["segment_id"]:
            yield table["segment_id"], np.stack([np.frombuffer(row, "<f2").reshape(shape) for row in table["logmel"]]).astype(np.float32)[:, None]


def probability(calibration, logit):
    if calibration is None:
        return math.nan
    if calibration["method"] == "platt":
        bounded = max(min(logit, math.log(2**24 - 1)), -math.log(2**24 - 1))
        return 1 / (1 + math.exp(-(calibration["slope"] * bounded + calibration["intercept"])))
    return float(np.interp(1 / (1 + math.exp(-logit)), calibration["scores"], calibration["probabilities"]))


def log_mel(sound, settings):
    """The spectrogram of a window by numpy, in double precision; for the settings that a run has by default."""
    n, hop, bands, rate = (settings[key] for key in ("n_fft", "hop_length", "n_mels", "sample_rate_hz"))
    mel = lambda hz: 2595 * math.log10(1 + hz / 700)
    edges = 700 * (10 ** (np.linspace(mel(settings["f_min_hz"]), mel(settings["f_max_hz"]), bands + 2) / 2595) - 1)
    hz = np.arange(n // 2 + 1) * rate / n
    rise, fall = (hz - edges[:-2, None]) / np.diff(edges)[:-1, None], (edges[2:, None] - hz) / np.diff(edges)[1:, None]
    weights = np.maximum(0, np.minimum(rise, fall))
    padded = np.pad(sound.astype(np.float64), n // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, n)[::hop]
    length = settings["win_length"]
    window = np.zeros(n)
    window[(n - length) // 2 : (n - length) // 2 + length] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    powers = weights @ (np.abs(np.fft.rfft(frames * window)) ** 2).T
    return (10 * np.log10(np.maximum(powers, 1e-10))).astype(np.float16).astype(np.float32)


def main(chorus, run):
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        features, told = exported(chorus, run, folder, "features")
        classes = json.loads(told["classes"])
        table = ds.dataset(Path(run, "tables", "predictions"), format="parquet").to_table(["segment_id", "class", "logit"]).to_pydict()
        expected = {(s, c): logit for s, c, logit in zip(table["segment_id"], table["class"], table["logit"])}
        decisions = Path(run, "model", "decisions.yaml")
        calibrations = (yaml.safe_load(decisions.read_text()).get("calibrations") or {}) if decisions.exists() else {}
        has_probabilities = "probabilities" in [output.name for output in features.get_outputs()]
        if bool(calibrations) != has_probabilities:
            wrong.append(f"{len(calibrations)} calibrations, and an output of probabilities: {has_probabilities}")
        largest, count, off = 0.0, 0, 0.0
        for ids, arrays in windows(run):
            found = dict(zip([output.name for output in features.get_outputs()], features.run(None, {"features": arrays})))
            for row, segment in enumerate(ids):
                for column, name in enumerate(classes):
                    logit = float(found["logits"][row, column])
                    largest, count = max(largest, abs(logit - expected[segment, name])), count + 1
                    if has_probabilities:
                        wanted, own = probability(calibrations.get(name), logit), float(found["probabilities"][row, column])
                        if math.isnan(wanted) != math.isnan(own):
                            wrong.append(f"{name}: the probability {own}, expected {wanted}")
                        elif not math.isnan(wanted):
                            off = max(off, abs(wanted - own))
        if count == 0 or largest > TOLERANCE:
            wrong.append(f"logits of {count} windows and classes differ by up to {largest:.2e}")
        if off > TOLERANCE:
            wrong.append(f"probabilities differ by up to {off:.2e}")
        sound, _ = exported(chorus, run, folder, "audio")
        samples = sound.get_inputs()[0].shape[1]
        settings = yaml.safe_load(Path(run, "model", "model.yaml").read_text())["settings"]["featurize"]
        time = np.arange(samples) / settings["sample_rate_hz"]
        generator = np.random.default_rng(0)
        heard = [0.3 * np.sin(2 * np.pi * (400 * k * time + 300 * time**2)) + 0.01 * generator.standard_normal(samples) for k in (1, 2, 3)]
        heard = np.stack(heard).astype(np.float32)
        made = np.stack([log_mel(one, settings) for one in heard])[:, None]
        apart = np.abs(sound.run(["logits"], {"sound": heard})[0] - features.run(["logits"], {"features": made})[0]).max()
        if apart > OF_SOUND:
            wrong.append(f"logits of sound differ from those of its spectrograms by up to {apart:.2e}")
    for line in wrong[:20]:
        print(line)
    if wrong:
        sys.exit("the exported model gives something else than chorus")
    print(f"ONNX: {count} logits differ by at most {largest:.1e}, probabilities by {off:.1e}, from sound by {apart:.1e}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
