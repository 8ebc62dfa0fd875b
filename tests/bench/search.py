"""`chorus search` and `chorus clusters` beside faiss-cpu's IndexFlatIP, in one run on the same threads: `search.py CHORUS [THOUSANDS]`.

Writes a run's table `embeddings` of a million windows of 1,024 values (or as many thousands as are told) in 200 partitions with pyarrow, as
chorus would, into a temporary folder (about 2.2 GB, which goes afterwards). Each side answers in a process of its own, in turn, with the files
in the page cache: the start of chorus is counted, that of Python and the imports are not; faiss reads the same files with pyarrow. Of faiss the
search alone is told too, with everything in memory already. The median of some rounds is told with the peak memory; similarities are compared.
Then chorus groups all windows.
"""

import csv
import io
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from results import cores, machine, measured, tell

ROUNDS, THREADS = 3, cores()
SITES, DATES, VALUES, TOP = 10, 20, 1024, 20
HOP_S, WINDOWS_PER_RECORDING = 3.0, 100
# Directions that vectors lie around, so that there is something to find.
KINDS = 40


def write(run, windows):
    """A table `embeddings` of so many windows."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = lambda name: pa.field(name, pa.string(), False)
    fields = [text("segment_id"), text("recording_id"), pa.field("start_s", pa.float64(), False), pa.field("embedding", pa.binary(2 * VALUES), False), text("model_id")]
    schema = pa.schema(fields, metadata={"chorus.table": "embeddings/1", "chorus.shape": str(VALUES)})
    random = np.random.default_rng(20260105)
    kinds = random.random((KINDS, VALUES), np.float32)
    per_file = windows // (SITES * DATES)
    for part in range(SITES * DATES):
        site, day = part // DATES, date(2025, 3, 1) + timedelta(days=part % DATES)
        vectors = np.abs(kinds[random.integers(0, KINDS, per_file)] + random.normal(0, 0.5, (per_file, VALUES)).astype(np.float32)).astype(np.float16)
        recordings = sorted(random.bytes(8).hex() for _ in range(-(-per_file // WINDOWS_PER_RECORDING)))
        index = np.arange(per_file)
        ids = [recordings[i // WINDOWS_PER_RECORDING] for i in index]
        columns = [
            pa.array([f"{ids[i]}-{i % WINDOWS_PER_RECORDING:06}" for i in index]), pa.array(ids), pa.array(index % WINDOWS_PER_RECORDING * HOP_S),
            pa.FixedSizeBinaryArray.from_buffers(pa.binary(2 * VALUES), per_file, [None, pa.py_buffer(vectors.tobytes())]), pa.array(["0123456789abcdef"] * per_file),
        ]
        folder = run / f"tables/embeddings/site=SITE{site:02}/date={day}"
        folder.mkdir(parents=True)
        # As chorus_tables::write does: a page a row, arrays as they are, groups of 16 MiB.
        pq.write_table(
            pa.table(columns, schema=schema), folder / "part-000.parquet", row_group_size=(16 << 20) // (2 * VALUES), write_page_index=True, write_batch_size=1, data_page_size=1,
            compression={name: "none" if name == "embedding" else "zstd" for name in schema.names}, use_dictionary=["segment_id", "recording_id", "model_id"],
            write_statistics=["segment_id", "recording_id", "start_s", "model_id"],
        )
    (run / "config.resolved.yaml").write_text("segment: {window_s: 3.0}\n")


def faiss_side(run):
    """Prints the seconds of reading and adding, those of searching for the first window, then the similarities that were found."""
    import faiss
    import numpy as np
    import pyarrow.parquet as pq

    faiss.omp_set_num_threads(THREADS)
    begin, index, query = time.perf_counter(), faiss.IndexFlatIP(VALUES), None
    for file in sorted(run.glob("tables/embeddings/**/*.parquet")):
        column = pq.read_table(file, columns=["embedding"], partitioning=None)["embedding"].combine_chunks()
        vectors = np.frombuffer(column.buffers()[1], np.float16).reshape(-1, VALUES).astype(np.float32)
        faiss.normalize_L2(vectors)
        query = vectors[:1].copy() if query is None else query
        index.add(vectors)
    added = time.perf_counter()
    similarities, _ = index.search(query, TOP + 1)
    print(added - begin)
    print(time.perf_counter() - added)
    # The first is the query itself.
    print(*similarities[0][1:])


def told(name, taken, memory, windows):
    """Prints the median of times, and the rate."""
    seconds = statistics.median(taken)
    rate = f"{windows / seconds / 1e6:6.2f} million windows/s  {windows * 2 * VALUES / seconds / 1e9:5.2f} GB/s of float16"
    print(f"{name:34} {seconds:7.2f} s  {memory:6.0f} MiB  {rate}", flush=True)
    return seconds


def main(chorus, thousands):
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as folder:
        run = Path(folder)
        # In a process of its own: a child's peak memory counts what its parent held when it was started.
        subprocess.run([sys.executable, __file__, "write", run, str(thousands * 1000)], check=True)
        files = sorted(run.glob("tables/embeddings/**/*.parquet"))
        windows = thousands * 1000 // (SITES * DATES) * SITES * DATES
        size = sum(file.stat().st_size for file in files) / 2**20
        print(f"{windows} windows of {VALUES} values in {len(files)} files, {size:.0f} MiB; {machine()['processor']}, {THREADS} threads, median of {ROUNDS} rounds", flush=True)
        one = "SELECT recording_id FROM embeddings WHERE site = 'SITE00' AND date = '2025-03-01' ORDER BY segment_id LIMIT 1"
        first = measured([chorus, "query", "--run", run, "--format", "csv", one]).out.split()[1]
        condition = f"recording_id = '{first}' AND start_s = 0"
        search = [chorus, "search", "--run", run, "--format", "csv", "--top", TOP, "--table", "embeddings", "--where", condition]
        ours, theirs, alone, memory = [], [], [], {}
        for _ in range(ROUNDS):
            answer = measured(search)
            ours.append(answer.seconds)
            found = [float(row["similarity"]) for row in csv.DictReader(io.StringIO(answer.out))]
            peer = measured([sys.executable, __file__, "faiss", run])
            memory = {side: max(one.mib, memory.get(side, 0)) for side, one in (("chorus", answer), ("faiss", peer))}
            read, searched, similarities = peer.out.split("\n", 2)
            theirs.append(float(read) + float(searched))
            alone.append(float(searched))
            wanted = [float(similarity) for similarity in similarities.split()]
            assert len(found) == TOP and all(abs(a - b) < 1e-5 for a, b in zip(found, wanted, strict=True)), (found, wanted)
        own = told("chorus, start to answer", ours, memory["chorus"], windows)
        whole = told("faiss, reading and search", theirs, memory["faiss"], windows)
        searching = told("faiss, the search alone", alone, memory["faiss"], windows)
        print(f"chorus takes {own / whole:.2f} times the time of faiss with reading, {own / searching:.2f} times that of its search alone")
        tell("search, start to answer", own, "s", "faiss with reading", whole / own)
        tell("search, start to answer", own, "s", "faiss, search alone", searching / own)
        tell("search, memory", memory["chorus"], "MiB", "faiss with reading", memory["faiss"] / memory["chorus"])
        grouping = measured([chorus, "clusters", "--run", run, "--format", "csv", "--groups", "50"])
        told("chorus clusters, 50 groups", [grouping.seconds], grouping.mib, windows)
        tell("clusters, 50 groups", grouping.seconds, "s")
        tell("clusters, 50 groups, memory", grouping.mib, "MiB")


if __name__ == "__main__":
    if sys.argv[1] == "faiss":
        faiss_side(Path(sys.argv[2]))
    elif sys.argv[1] == "write":
        write(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
