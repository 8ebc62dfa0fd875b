"""Archives on object stores: `check.py CHORUS`. Two S3 servers (moto and SeaweedFS) and WebDAV hold a small survey; each run has to give
the tables of a run on the local folder, byte for byte. Then a proxy fails, delays and cuts answers, an object changes while it is read,
one is denied, and keys are odd. A run is published and read again. Ends with exit status 1 and what differs.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import soundfile

from servers import BUCKET, Spoiler, client, moto, seaweedfs

PREFIX = "2026/ponds"
SITES = ["POND 1", "Étang+du & Nord"]
SECRET = "a-secret-that-must-stay-secret"


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)


def survey(folder):
    """Sixteen recordings of two sites, a table of labels, a site sheet, and things that are no recordings."""
    draw = np.random.default_rng(1)
    rows = ["file,start_s,end_s,label"]
    for site, name in enumerate(SITES):
        (folder / "raw" / name).mkdir(parents=True)
        for i in range(8):
            path = f"{name}/R{site}_2026030{1 + i // 4}_2{i % 4}0000.wav"
            sound = 0.05 * draw.normal(size=16000 * 12)
            sound[16000 * 3 : 16000 * 5] += 0.3 * np.sin(2 * np.pi * (900 + 800 * site) * np.arange(32000) / 16000)
            soundfile.write(folder / "raw" / path, sound, 16000, subtype="PCM_16")
            rows.append(f"{path},3,5,{'BOAFAB' if site else 'DENMIN'}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    (folder / "sites.csv").write_text("site,latitude,longitude,timezone\n" + "".join(f'"{name}",46.5,6.6,Europe/Zurich\n' for name in SITES))
    (folder / "raw" / SITES[0] / "notes.txt").write_text("no recording")
    (folder / "raw" / ".trash").mkdir()
    (folder / "raw" / ".trash" / "old.wav").write_bytes(b"hidden")


CONFIG = """
archive: {audio: raw, access: credentials}
ingest: {site_sheet: sites.csv}
annotate: {format: csv, folder: labels.csv}
segment: {window_s: 3}
units: {keep_free_gib: 0}
"""


def chorus(program, archive, run, *arguments, endpoint=None, ok=True, config=CONFIG):
    file = run.with_suffix(".yaml")
    file.write_text(config)
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}
    if endpoint:
        environment["AWS_ENDPOINT_URL"] = endpoint
    command = [program, "run", *(arguments or ("annotate", "featurize", "--with-upstream")), "-c", file]
    command += ["--set", f"archive.path={archive}", "--set", f"run.path={run}"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment, timeout=600)
    if ok and done.returncode != 0:
        fail(f"{archive}: {done.stderr[-3000:]}")
    for path in run.rglob("*"):
        if path.is_file() and SECRET.encode() in path.read_bytes():
            fail(f"{path} holds the secret key")
    if SECRET in done.stdout + done.stderr:
        fail("the secret key was printed")
    return done


def tables(run):
    root = run / "tables"
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.parquet"))}


def same(run, expected, what):
    found = tables(run)
    differing = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    if differing or not expected:
        fail(f"{what}: {len(differing)} of {len(expected)} tables differ from those of the local folder: {', '.join(differing[:5])}")
    print(f"{what}: {len(found)} tables as from the local folder")


def recordings(run):
    return [row for path in sorted((run / "tables/recordings").rglob("*.parquet")) for row in pq.ParquetFile(path).read().to_pylist()]


def upload(s3, folder):
    s3.create_bucket(Bucket=BUCKET)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{path.relative_to(folder)}", Body=path.read_bytes())
    # As consoles of object stores make folders.
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/raw/", Body=b"")


def spoilt(program, url, s3, expected, work):
    archive = f"s3://{BUCKET}/{PREFIX}"
    local = lambda name: work / name

    chance = random.Random(3)
    with Spoiler(url, lambda *_: 503 if chance.random() < 0.1 else None) as proxy:
        chorus(program, archive, local("failing"), endpoint=proxy.url)
        same(local("failing"), expected, f"a server that fails one request in ten ({proxy.requests} requests)")

    cut = set()

    def cut_once(command, path, headers, _):
        if command == "GET" and path.endswith(".wav") and "Range" not in headers and path not in cut:
            cut.add(path)
            return "cut"
        return time.sleep(0.02)

    with Spoiler(url, cut_once) as proxy:
        chorus(program, archive, local("cut"), endpoint=proxy.url)
        same(local("cut"), expected, f"a slow server that ends in the middle of {len(cut)} objects")
    if len(cut) != 16:
        fail(f"found {len(cut)} objects cut, expected 16")

    key = f"{PREFIX}/raw/{SITES[0]}/R0_20260301_200000.wav"
    before = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def change(command, path, headers, _):
        if command == "GET" and path.endswith("R0_20260301_200000.wav") and "Range" not in headers and not changed:
            changed.append(path)
            return "cut"
        if "Range" in headers and path.endswith("R0_20260301_200000.wav"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=before[:44] + bytes(len(before) - 44))
        return None

    changed = []
    with Spoiler(url, change) as proxy:
        chorus(program, archive, local("changed"), "ingest", endpoint=proxy.url)
    row = next(row for row in recordings(local("changed")) if row["path"].endswith("R0_20260301_200000.wav"))
    if row["status"] == "ok":
        fail(f"an object that changed while it was read was taken as whole: {row}")
    print(f"an object that changes while it is read: {row['status']}, {row['reason_code']}: {row['reason']}")
    s3.put_object(Bucket=BUCKET, Key=key, Body=before)
    chorus(program, archive, local("changed"), endpoint=url)
    same(local("changed"), expected, "the run after it")

    with Spoiler(url, lambda c, path, *_: 403 if path.endswith("R1_20260302_210000.wav") else None) as proxy:
        chorus(program, archive, local("denied"), "ingest", endpoint=proxy.url)
    rows = {row["path"].rsplit("/", 1)[1]: (row["status"], row["reason_code"]) for row in recordings(local("denied"))}
    if rows.pop("R1_20260302_210000.wav") != ("rejected", "unreadable") or set(rows.values()) != {("ok", None)}:
        fail(f"a denied key: {rows}")
    print("a denied key: rejected as unreadable, the others are read")
    chorus(program, archive, local("denied"), endpoint=url)
    same(local("denied"), expected, "the run after it")

    many = 100_000
    pages = [range(start, start + 1000) for start in range(0, many, 1000)]

    def listing(command, path, _, __):
        if "list-type=2" not in path or "prefix=2026/ponds/raw" not in path.replace("%2F", "/"):
            return None
        page = int(path.split("continuation-token=")[1].split("&")[0]) if "continuation-token=" in path else 0
        if page == len(pages):
            return None
        keys = "".join(
            f"<Contents><Key>{PREFIX}/raw/many/{i:07}.jpg</Key><Size>9</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{i}&quot;</ETag></Contents>"
            for i in pages[page]
        )
        last = page == len(pages) - 1
        end = "" if last else f"<NextContinuationToken>{page + 1}</NextContinuationToken>"
        own = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/raw")["Contents"] if last else []
        for entry in own:
            stamp, key = entry["LastModified"].strftime("%Y-%m-%dT%H:%M:%S.000Z"), entry["Key"].replace("&", "&amp;")
            keys += f"<Contents><Key>{key}</Key><Size>{entry['Size']}</Size><LastModified>{stamp}</LastModified><ETag>{entry['ETag']}</ETag></Contents>"
        text = f"<ListBucketResult><IsTruncated>{str(not last).lower()}</IsTruncated>{keys}{end}</ListBucketResult>"
        return lambda: text.encode()

    with Spoiler(url, listing) as proxy:
        start = time.monotonic()
        chorus(program, archive, local("many"), endpoint=proxy.url)
        took = time.monotonic() - start
        same(local("many"), expected, f"among {many} other objects ({took:.1f} s, {proxy.requests} requests)")

    odd = f"{PREFIX}/raw/{SITES[0]}//R0_20260303_200000.wav"
    s3.put_object(Bucket=BUCKET, Key=odd, Body=before)
    done = chorus(program, archive, local("odd"), "ingest", endpoint=url, ok=False)
    if done.returncode == 0 or "R0_20260303_200000.wav" not in done.stderr:
        fail(f"a key with an empty part: {done.stderr}")
    print(f"a key with an empty part: {done.stderr.strip().splitlines()[-1][:300]}")
    s3.delete_object(Bucket=BUCKET, Key=odd)

    for wrong, wanted in (("s3://nowhere/x", "nowhere"), (f"s3://{BUCKET}/2027", "2027"), ("ftp://x/y", "expected s3://BUCKET/PREFIX")):
        done = chorus(program, wrong, local("wrong"), "ingest", endpoint=url, ok=False)
        if done.returncode == 0 or wanted not in done.stderr:
            fail(f"{wrong}: {done.stderr}")
        print(f"{wrong}: {done.stderr.strip().splitlines()[-1][:200]}")


def call(program, *arguments, endpoint, cache, ok=True):
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}
    environment |= {"AWS_ENDPOINT_URL": endpoint, "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run([str(part) for part in (program, *arguments)], capture_output=True, text=True, env=environment, timeout=600)
    if ok and done.returncode != 0:
        fail(f"{arguments}: {done.stderr[-3000:]}")
    return done


def publishing(program, url, run, work, what):
    """Publishes a run, reads it with chorus and polars, publishes again, goes on after a publication that was broken off."""
    place, cache = f"s3://{BUCKET}/published/{what}", work / f"cache-{what}"
    files = len([path for part in ("tables", "model", "report") for path in (run / part).rglob("*") if path.is_file()]) + 1
    publish = lambda endpoint=url, ok=True: call(program, "publish", place, "--run", run, endpoint=endpoint, cache=cache, ok=ok)

    def lines(done, wanted):
        if wanted not in done.stderr:
            fail(f"{what}: expected `{wanted}` in: {done.stderr}")

    # Half of the files cannot be sent, and neither can the manifest.
    broken = lambda command, path, *_: 403 if command == "PUT" and ("labels" in path or path.endswith("manifest.json")) else None
    with Spoiler(url, broken) as proxy:
        if publish(proxy.url, ok=False).returncode == 0:
            fail(f"{what}: a publication that was refused ended well")
    done = call(program, "query", "--run", place, "SELECT 1", endpoint=url, cache=cache, ok=False)
    lines(done, "no run was published here")
    done = publish()
    if ", 0 there already" in done.stderr:
        fail(f"{what}: nothing of the broken publication was kept: {done.stderr}")
    again = publish()
    lines(again, "0 files sent (")
    lines(again, f"{files} there already")
    sql = "SELECT site, COUNT(*) AS n, MIN(start_s) AS first, MAX(end_s) AS last FROM segments GROUP BY site ORDER BY site"
    asked = ["--format", "csv", sql]
    local = call(program, "query", "--run", run, *asked, endpoint=url, cache=cache).stdout
    remote = call(program, "query", "--run", place, *asked, endpoint=url, cache=cache).stdout
    if local != remote or not local:
        fail(f"{what}: {remote} in place of {local}")
    fetched = [path.parent.parent.parent.name for path in cache.rglob("*.parquet")]
    if set(fetched) != {"segments"}:
        fail(f"{what}: fetched {set(fetched)}, expected segments only")
    options = {"aws_endpoint_url": url, "aws_access_key_id": "key", "aws_secret_access_key": SECRET, "aws_region": "us-east-1", "aws_allow_http": "true"}
    frame = pl.scan_parquet(f"{place}/tables/segments/**/*.parquet", hive_partitioning=True, storage_options=options)
    counted = dict(frame.group_by("site").len().collect().iter_rows())
    if sorted(counted.values()) != sorted(int(line.split(",")[-3]) for line in local.splitlines()[1:]):
        fail(f"{what}: polars counts {counted}, chorus {local}")
    print(f"{what}: published {files} files, read by chorus and polars; a broken publication went on; again: nothing sent")
    # A server that takes no notice of conditions, as rclone's and s3rver do.
    def blind(_, __, headers, ___):
        for name in ("If-None-Match", "If-Match"):
            del headers[name]

    with Spoiler(url, blind) as proxy:
        lines(publish(proxy.url), "overwrites objects without regard to conditions")
    print(f"{what}: a server that takes no notice of conditions is noticed")


def main(program):
    program = str(Path(program).resolve())
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        survey(work / "survey")
        chorus(program, work / "survey", work / "local")
        expected = tables(work / "local")
        archive = f"s3://{BUCKET}/{PREFIX}"
        with seaweedfs(work / "weed") as (url, webdav):
            upload(client(url), work / "survey")
            chorus(program, archive, work / "seaweedfs", endpoint=url)
            same(work / "seaweedfs", expected, "SeaweedFS")
            publishing(program, url, work / "local", work, "seaweedfs")
            chorus(program, f"{webdav}/buckets/{BUCKET}/{PREFIX}", work / "webdav")
            same(work / "webdav", expected, "WebDAV")
        with moto() as url:
            s3 = client(url)
            upload(s3, work / "survey")
            chorus(program, archive, work / "moto", endpoint=url)
            same(work / "moto", expected, "moto")
            again = chorus(program, archive, work / "moto", endpoint=url)
            if "made" in again.stderr:
                fail(f"a second run makes something again: {again.stderr}")
            publishing(program, url, work / "local", work, "moto")
            spoilt(program, url, s3, expected, work)


if __name__ == "__main__":
    main(sys.argv[1])
