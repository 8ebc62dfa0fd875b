"""Training, prediction and the way from audio to scores, beside others on the same threads: `learn.py CHORUS`.

The others are PyTorch's eager loops, the same compiled by TorchInductor, and for predictions ONNX Runtime and OpenVINO with PyTorch's
network. Network and settings are the paper's: MobileNetV3-Large, 42 classes, windows of 3 s, batches of 128, Mix2, AdamW. All sides
normalise; those that train also roll, mask and mix. The rounds are taken in turn; medians of windows per second and of the ratios are told.
What compiling takes is left out. Then predictions in bfloat16 are compared with those in float32 on a survey that a model was trained for,
and the two ways to predictions with each other.
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


def speed(work):
    """Windows per second. The first time, in which things are compiled and allocated, is left out."""
    work()
    start = time.perf_counter()
    for _ in range(STEPS):
        work()
    return STEPS * BATCH / (time.perf_counter() - start)


def features_of_a_batch():
    import torch

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    return (-100 * torch.rand(BATCH, 1, 128, 376)).half()


def torch_side(layout, has_bfloat16):
    """Windows per second of PyTorch: training, prediction, and prediction in bfloat16 where the processor computes in it."""
    import torch

    from peer import Network, augment, min_max, mixed_loss

    features = features_of_a_batch()
    form = torch.contiguous_format if layout == "contiguous" else torch.channels_last
    network = Network().to(memory_format=form)
    if layout == "compiled":
        network.embed = torch.compile(network.embed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=0.01)
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

    result = {"training": speed(train)}
    network.eval()
    result["prediction"] = speed(lambda: predict(False))
    if has_bfloat16:
        result["prediction_bfloat16"] = speed(lambda: predict(True))
    return result


def exported():
    """The bytes of PyTorch's network as ONNX, and a batch of its input."""
    import io

    import torch

    from peer import Network, min_max

    class Normalised(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = Network()

        def forward(self, x):
            return self.network(min_max(x.float()))

    features, file = features_of_a_batch(), io.BytesIO()
    torch.onnx.export(Normalised().eval(), (features,), file, input_names=["features"], output_names=["logits"], dynamo=False)
    return file.getvalue(), features.numpy()


def onnxruntime_side(_):
    import onnxruntime

    model, features = exported()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return {"prediction": speed(lambda: session.run(["logits"], {"features": features}))}


def openvino_side(has_bfloat16):
    import openvino

    bytes_of_model, features = exported()
    core, result = openvino.Core(), {}
    for name, precision in [("prediction", "f32")] + [("prediction_bfloat16", "bf16")] * has_bfloat16:
        hints = {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
        model = core.compile_model(core.read_model(bytes_of_model, b""), "CPU", hints)
        result[name] = speed(lambda: model(features))
    return result


SIDES = {
    "PyTorch contiguous": lambda bfloat16: torch_side("contiguous", bfloat16),
    "PyTorch channels_last": lambda bfloat16: torch_side("channels_last", bfloat16),
    "PyTorch compiled, channels_last": lambda bfloat16: torch_side("compiled", bfloat16),
    "ONNX Runtime": onnxruntime_side,
    "OpenVINO": openvino_side,
}


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
    # What TorchInductor compiled is kept from round to round.
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):
            figures = {"chorus": chorus_speed(chorus)}
            lack = figures["chorus"]["lacks_bfloat16"]
            for side in SIDES:
                command = [sys.executable, __file__, "side", side, "float32" if lack else "bfloat16"]
                figures[side] = json.loads(output(command, {"TORCHINDUCTOR_CACHE_DIR": folder}).splitlines()[-1])
            rounds.append(figures)
    print(f"MobileNetV3-Large, 42 classes, batches of {BATCH}, {THREADS} threads, median of {ROUNDS} rounds, windows/s")
    if lack:
        print(f"bfloat16 is left out: {lack}")
    first = next(iter(SIDES))
    for side in ("chorus", *SIDES):
        for name in ("training", "training_bfloat16", "prediction", "prediction_bfloat16"):
            if not rounds[0][side].get(name) or (lack and "bfloat16" in name):
                continue
            base = name.split("_")[0]
            rate = statistics.median(r[side][name] for r in rounds)
            ratio = statistics.median(r[side][name] / r[first][base] for r in rounds)
            print(f"{side:32} {name:20} {rate:7.1f}  {ratio:5.2f} times {first} in float32")
            for peer in SIDES if side == "chorus" else ():
                if base in rounds[0][peer]:
                    beside = statistics.median(r[side][name] / r[peer].get(name, r[peer][base]) for r in rounds)
                    tell(f"{name.replace('_', ', ')}, MobileNetV3-Large", rate, "windows/s", peer, beside)
    with tempfile.TemporaryDirectory() as folder:
        precision_and_ways(chorus, folder, has_bfloat16=not lack)


if __name__ == "__main__":
    if sys.argv[1] == "side":
        print(json.dumps(SIDES[sys.argv[2]](sys.argv[3] == "bfloat16")))
    else:
        main(sys.argv[1])
