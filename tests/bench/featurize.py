"""Chorus against torchaudio and librosa at the same work, in one run on one thread: `featurize.py CHORUS`.

All read the synthetic survey's recordings, resample them to 16 kHz, cut them into windows of 3 s, make log-mel spectrograms of the paper's
setting and write them as float16 Parquet. Prints seconds, times real time (of the windows), peak memory, and the ratios. The processes' start is
counted on all sides; the median of three rounds, taken in turn, is told. Chorus syncs what it writes to the disk; the others do not.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from results import measured, tell

WINDOW_S, RATE_HZ, ROUNDS = 3, 16_000, 3
ONE_THREAD = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
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


def torchaudio_side(archive, out):
    """The same with torchaudio, whose transforms take all windows of a recording at once."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import soundfile
    import torch
    import torchaudio

    torch.set_num_threads(1)
    mel = torchaudio.transforms.MelSpectrogram(sample_rate=RATE_HZ, n_fft=512, hop_length=128, n_mels=128, f_max=8000.0, power=2.0)
    decibels = torchaudio.transforms.AmplitudeToDB(stype="power", top_db=None)
    resamplers, length = {}, WINDOW_S * RATE_HZ
    schema = pa.schema([("segment_id", pa.string()), ("logmel", pa.binary(2 * 128 * (length // 128 + 1)))])
    with pq.ParquetWriter(out, schema) as writer, torch.inference_mode():
        for path in sorted(Path(archive).rglob("*.wav")):
            samples, rate = soundfile.read(path, dtype="float32")
            if rate not in resamplers:
                resamplers[rate] = torchaudio.transforms.Resample(rate, RATE_HZ)
            samples = resamplers[rate](torch.from_numpy(samples))
            windows = samples[: len(samples) // length * length].reshape(-1, length)
            arrays = [array.tobytes() for array in decibels(mel(windows)).half().numpy()]
            ids = [f"{path.stem}-{i}" for i in range(len(arrays))]
            writer.write_table(pa.table([ids, pa.array(arrays, schema.field(1).type)], schema=schema))


SIDES = {"torchaudio": torchaudio_side, "librosa": librosa_side}


def main(chorus):
    with tempfile.TemporaryDirectory() as folder:
        measured([chorus, "demo", f"{folder}/archive", "--no-troubles", "--nights", "12", "--recording-s", "60"])
        config = Path(folder, "bench.yaml")
        config.write_text(CONFIG.format(folder=folder))
        measured([chorus, "run", "ingest", "segment", "-c", config])
        windows = int(measured([chorus, "query", "SELECT COUNT(*) AS n FROM segments", "--run", f"{folder}/run", "--format", "csv"]).out.split()[1])
        commands = {"chorus": [chorus, "run", "featurize", "--force", "-j", "1", "-c", str(config)]}
        commands |= {name: [sys.executable, __file__, name, f"{folder}/archive", f"{folder}/{name}.parquet"] for name in SIDES}
        rounds = [{name: measured(command, environment=ONE_THREAD) for name, command in commands.items()} for _ in range(ROUNDS)]
    print(f"{windows} windows of {WINDOW_S} s, one thread, median of {ROUNDS} rounds")
    for name in commands:
        seconds = statistics.median(r[name].seconds for r in rounds)
        ratio = statistics.median(r[name].seconds / r["chorus"].seconds for r in rounds)
        memory = max(r[name].mib for r in rounds)
        print(f"{name:10} {seconds:7.2f} s  {windows * WINDOW_S / seconds:7.0f} x real time  {memory:6.0f} MiB  {ratio:6.2f} times chorus's time")
        if name == "chorus":
            own = windows * WINDOW_S / seconds
            tell("featurize, one thread, memory", memory, "MiB")
        else:
            tell("featurize, one thread", own, "times real time", name, ratio)


if __name__ == "__main__":
    if sys.argv[1] in SIDES:
        SIDES[sys.argv[1]](*sys.argv[2:])
    else:
        main(sys.argv[1])
