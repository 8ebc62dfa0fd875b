"""Training, prediction and the way from audio to scores, beside PyTorch's eager loops on the same threads: `learn.py CHORUS`.

Network and settings are the paper's: MobileNetV3-Large, 42 classes, windows of 3 s, batches of 128, Mix2, AdamW. Both sides normalise,
roll, mask and mix. The rounds are taken in turn; medians of windows per second and of the ratios are told. Then predictions in bfloat16
are compared with those in float32 on a survey that a model was trained for, and the two ways to predictions with each other.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from results import tell

BATCH, STEPS, ROUNDS = 128, 3, 3
THREADS = os.cpu_count() or 1
CONFIG = """
archive: {{path: {folder}/archive, audio: raw_data, timezone: America/Sao_Paulo}}
run: {{path: {folder}/{run}}}
ingest: {{site_sheet: sites.csv}}
annotate: {{format: anuraset_raw, code_table: species.csv}}
split: {{source: file, file: subset.csv}}
train: {{architecture: mobilenet_v3_large, epochs: 6, batch_size: 32, threads: {threads}}}
"""


def torch_side(layout, has_bfloat16):
    """Windows per second of PyTorch: training, prediction, and prediction in bfloat16 where the processor computes in it."""
    import torch

    from peer import Network, augment, min_max, mixed_loss

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    form = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    network = Network().to(memory_format=form)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=0.01)
    features = (-100 * torch.rand(BATCH, 1, 128, 376)).half()
    labels = (torch.rand(BATCH, 42) < 0.05).float()

    def train():
        x = augment(min_max(features.float())).to(memory_format=form)
        loss = mixed_loss(network, x, labels, "mix2")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    def predict(enabled):
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            network(min_max(features.float()).to(memory_format=form)).sum().item()

    def speed(work):
        work()
        start = time.perf_counter()
        for _ in range(STEPS):
            work()
        return STEPS * BATCH / (time.perf_counter() - start)

    result = {"training": speed(train)}
    network.eval()
    result["prediction"] = speed(lambda: predict(False))
    result["prediction_bfloat16"] = speed(lambda: predict(True)) if has_bfloat16 else None
    print(json.dumps(result))


# What chorus starts its worker with (pipeline/engine/src/runner/worker.rs); the peer is measured as its users run it.
WORKER = {"GOMP_SPINCOUNT": "10000", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "17179869184", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def output(command, environment=None):
    return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | (environment or {})).stdout


def chorus_speed(chorus, *arguments):
    worker = Path(chorus).with_name("chorus-torch")
    return json.loads(output([worker, "speed", "--threads", str(THREADS), "--batch", str(BATCH), "--steps", str(STEPS), *arguments], WORKER))


def query(chorus, run, sql):
    lines = output([chorus, "query", sql, "--run", run, "--format", "csv"]).split("\n")[1:]
    return [line.split(",") for line in lines if line]


TRUTH = """
SELECT l.segment_id, l.class, l.value FROM labels l JOIN splits s ON l.recording_id = s.recording_id
WHERE s.subset = 'test' AND l.value IS NOT NULL
"""


def macro_f1(scores, truth, thresholds):
    """Mean over the classes with positives."""
    counts = {}
    for (segment, name), is_there in truth.items():
        is_found = scores[segment, name] >= thresholds[name]
        hits, found, there = counts.get(name, (0, 0, 0))
        counts[name] = (hits + (is_found and is_there), found + is_found, there + is_there)
    return statistics.mean(2 * hits / (found + there) for hits, found, there in counts.values() if there)


def timed(command):
    start = time.perf_counter()
    output(command)
    return time.perf_counter() - start


def precision_and_ways(chorus, folder, has_bfloat16):
    """Scores in bfloat16 against float32 where the processor computes in it, and how fast predictions come straight from audio."""
    output([chorus, "demo", f"{folder}/archive", "--no-troubles", "--nights", "6", "--recording-s", "60"])
    config = Path(folder, "bench.yaml")
    config.write_text(CONFIG.format(folder=folder, run="run", threads=THREADS))
    run = f"{folder}/run"
    output([chorus, "run", "evaluate", "--with-upstream", "-c", config])
    feed = chorus_speed(chorus, "--run", run)["feed"]
    if has_bfloat16:
        precision(chorus, folder, config, run)
    straight = Path(folder, "straight.yaml")
    straight.write_text(f"archive: {{path: {folder}/archive, audio: raw_data}}\nmodel: {{path: {run}/model}}\nrun: {{path: {folder}/straight}}\n")
    output([chorus, "run", "segment", "--with-upstream", "-c", straight])
    (seconds,), = query(chorus, f"{folder}/straight", "SELECT SUM(duration_s) FROM recordings")
    for name in ("float32", "bfloat16") if has_bfloat16 else ("float32",):
        took = timed([chorus, "run", "predict", "--force", "-c", straight, "--set", f"predict.precision={name}", "--set", f"train.threads={THREADS}"])
        print(f"from audio to predictions, {name}, nothing written in between: {float(seconds) / took:.0f} times real time")
        tell(f"from audio to predictions, {name}", float(seconds) / took, "times real time")
    print(output([sys.executable, Path(__file__).with_name("model.py"), run]).strip())
    print(f"data feed alone, {THREADS} threads, rows in random order from a table larger than memory is allowed: {feed:.0f} windows/s")
    tell("data feed alone", feed, "windows/s")


def precision(chorus, folder, config, run):
    """Scores in bfloat16 against float32."""
    half = f"{folder}/half"
    output([chorus, "run", "evaluate", "--with-upstream", "-c", config, "--set", "predict.precision=bfloat16", "--set", f"run.path={half}", "--set", f"run.base={run}"])
    scores = [{(s, c): float(v) for s, c, v in query(chorus, r, "SELECT segment_id, class, score FROM predictions")} for r in (run, half)]
    difference = statistics.mean(abs(scores[0][key] - scores[1][key]) for key in scores[0])
    sql = "SELECT metric, value FROM metrics WHERE subset = 'test' AND site IS NULL AND class IS NULL AND \"group\" IS NULL"
    metrics = [{m: float(v) for m, v in query(chorus, r, sql) if v} for r in (run, half)]
    # A threshold of its own would measure how thresholds are chosen: both are held against those of float32.
    truth = {(s, c): v == "1" for s, c, v in query(chorus, run, TRUTH)}
    thresholds = {c: float(t) for c, t in query(chorus, run, "SELECT class, threshold FROM thresholds WHERE site IS NULL")}
    for own, found in zip(metrics, scores):
        own["f1 at float32's thresholds"] = macro_f1(found, truth, thresholds)
    print(f"bfloat16 beside float32: mean difference of scores {difference:.5f}; " + ", ".join(
        f"{name} {metrics[1][name]:.4f} ({metrics[1][name] - metrics[0][name]:+.4f})" for name in ("average_precision", "f1_fixed", "f1 at float32's thresholds")
    ))


def main(chorus):
    rounds = []
    for _ in range(ROUNDS):
        figures = {"chorus": chorus_speed(chorus)}
        lack = figures["chorus"]["lacks_bfloat16"]
        for layout in ("contiguous", "channels_last"):
            figures[layout] = json.loads(output([sys.executable, __file__, "torch", layout, "float32" if lack else "bfloat16"]))
        rounds.append(figures)
    print(f"MobileNetV3-Large, 42 classes, batches of {BATCH}, {THREADS} threads, median of {ROUNDS} rounds, windows/s")
    lines = [("chorus", name) for name in ("training", "training_bfloat16", "prediction", "prediction_bfloat16")]
    lines += [(layout, name) for layout in ("contiguous", "channels_last") for name in ("training", "prediction", "prediction_bfloat16")]
    if lack:
        print(f"bfloat16 is left out: {lack}")
        lines = [(side, name) for side, name in lines if "bfloat16" not in name]
    for side, name in lines:
        speed = statistics.median(r[side][name] for r in rounds)
        base = name.split("_")[0]
        ratio = statistics.median(r[side][name] / r["contiguous"][base] for r in rounds)
        label = "chorus" if side == "chorus" else f"PyTorch {side}"
        print(f"{label:22} {name:20} {speed:7.1f}  {ratio:5.2f} times PyTorch contiguous float32")
        if side == "chorus":
            for layout in ("contiguous", "channels_last"):
                beside = statistics.median(r[side][name] / r[layout].get(name, r[layout][base]) for r in rounds)
                tell(f"{name.replace('_', ', ')}, MobileNetV3-Large", speed, "windows/s", f"PyTorch {layout}", beside)
    with tempfile.TemporaryDirectory() as folder:
        precision_and_ways(chorus, folder, has_bfloat16=not lack)


if __name__ == "__main__":
    if sys.argv[1] == "torch":
        torch_side(sys.argv[2], sys.argv[3] == "bfloat16")
    else:
        main(sys.argv[1])
