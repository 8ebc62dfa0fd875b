"""Chorus against librosa at the same work, in one run on one thread: `featurize.py CHORUS`.

Both read the synthetic survey's recordings, resample them to 16 kHz, cut them into windows of 3 s, make log-mel spectrograms of the paper's
setting and write them as float16 Parquet. Prints seconds, times real time (of the windows), peak memory, and the ratio. The processes' start is
counted on both sides; the median of three rounds, taken in turn, is told.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WINDOW_S, RATE_HZ, ROUNDS = 3, 16_000, 3
CONFIG = """
archive: {{path: {folder}/archive, audio: raw_data}}
run: {{path: {folder}/run}}
annotate: {{format: anuraset_raw, code_table: species.csv}}
"""


def librosa_side(archive, out):
    """What a careful user would write."""
    import librosa
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    import soundfile

    ids, arrays = [], []
    for path in sorted(Path(archive).rglob("*.wav")):
        samples, rate = soundfile.read(path, dtype="float32")
        samples = librosa.resample(samples, orig_sr=rate, target_sr=RATE_HZ)
        length = WINDOW_S * RATE_HZ
        for start in range(0, len(samples) - length + 1, length):
            mel = librosa.feature.melspectrogram(
                y=samples[start : start + length], sr=RATE_HZ, n_fft=512, hop_length=128, n_mels=128, htk=True, norm=None, pad_mode="reflect"
            )
            decibels = librosa.power_to_db(mel, amin=1e-10, top_db=None)
            ids.append(f"{path.stem}-{start}")
            arrays.append(decibels.astype(np.float16).tobytes())
    table = pa.table({"segment_id": ids, "logmel": pa.array(arrays, pa.binary(len(arrays[0])))})
    pq.write_table(table, out)


def timed(command):
    """Wall seconds and peak resident MiB of a command."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"})
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main(chorus):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([chorus, "demo", f"{folder}/archive", "--no-troubles", "--nights", "12", "--recording-s", "60"], check=True, stdout=subprocess.DEVNULL)
        config = Path(folder, "bench.yaml")
        config.write_text(CONFIG.format(folder=folder))
        subprocess.run([chorus, "run", "ingest", "segment", "-c", config], check=True, stderr=subprocess.DEVNULL)
        answer = subprocess.run([chorus, "query", "SELECT COUNT(*) AS n FROM segments", "--run", f"{folder}/run", "--format", "csv"], check=True, capture_output=True, text=True)
        windows = int(answer.stdout.split()[1])
        ours = [chorus, "run", "featurize", "--force", "-j", "1", "-c", str(config)]
        theirs = [sys.executable, __file__, "--librosa", f"{folder}/archive", f"{folder}/out.parquet"]
        rounds = [(timed(ours), timed(theirs)) for _ in range(ROUNDS)]
    print(f"{windows} windows of {WINDOW_S} s, one thread, median of {ROUNDS} rounds")
    for name, side in (("chorus", 0), ("librosa", 1)):
        seconds = statistics.median(r[side][0] for r in rounds)
        print(f"{name:8} {seconds:7.2f} s  {windows * WINDOW_S / seconds:7.0f} x real time  {max(r[side][1] for r in rounds):6.0f} MiB")
    print(f"ratio    {statistics.median(r[1][0] / r[0][0] for r in rounds):7.2f}")


if __name__ == "__main__":
    if sys.argv[1] == "--librosa":
        librosa_side(sys.argv[2], sys.argv[3])
    else:
        main(sys.argv[1])
