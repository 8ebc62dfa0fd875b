"""What a training needs of memory when its features are held and when they are read as they are drawn: `memory.py CHORUS`.

Trains one epoch of a small network on the same windows twice: with a budget (`train.memory_gib`) over the set's size, and with a budget
of an eighth of it. Prints peak resident memory and seconds of both, and ends with exit status 1 unless their weights are equal.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from results import measured, tell

CONFIG = """
archive: {{path: {folder}/archive, audio: raw_data, timezone: America/Sao_Paulo}}
run: {{path: {folder}/run}}
ingest: {{site_sheet: sites.csv}}
segment: {{hop_s: 0.5}}
annotate: {{format: anuraset_raw, code_table: species.csv}}
split: {{source: file, file: subset.csv}}
train: {{architecture: mobilenet_v3_small, width: 0.25, epochs: 1, batch_size: 32, threads: 1}}
"""


def main(chorus):
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as folder:
        measured([chorus, "demo", f"{folder}/archive", "--no-troubles", "--nights", "8", "--recording-s", "60"])
        config = Path(folder, "bench.yaml")
        config.write_text(CONFIG.format(folder=folder))
        measured([chorus, "run", "featurize", "split", "--with-upstream", "-c", config])
        count = "SELECT COUNT(*) FROM segments w JOIN splits s ON w.recording_id = s.recording_id WHERE s.subset IN ('train', 'validation')"
        windows = int(measured([chorus, "query", count, "--run", f"{folder}/run", "--format", "csv"]).out.split()[1])
        # 128 bands and 376 frames of two bytes.
        size = windows * 128 * 376 * 2 / 2**30
        weights = []
        for name, budget in (("held in memory", 2 * size), ("an eighth of it", size / 8)):
            took = measured([chorus, "run", "train", "--force", "-c", config, "--set", f"train.memory_gib={budget:.4f}"])
            weights.append(hashlib.sha256(Path(folder, "run/model/weights.safetensors").read_bytes()).hexdigest())
            print(f"training on {windows} windows, {size * 1024:.0f} MiB of features, budget {budget * 1024:5.0f} MiB ({name}): peak {took.mib:5.0f} MiB, {took.seconds:.0f} s", flush=True)
            tell(f"training, features {name}, memory", took.mib, "MiB")
            tell(f"training, features {name}", took.seconds, "s")
        if len(set(weights)) > 1:
            sys.exit("the weights differ")
        print("the weights are equal, byte by byte")


if __name__ == "__main__":
    main(sys.argv[1])
