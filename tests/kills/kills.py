"""Runs that are killed, stopped, and left without a disk or an archive: `kills.py CHORUS [--kills 1000] [--modes kill,worker,…] [--seed 1]`.

A tiny labelled survey is run in several ways, which together have every stage but `speech`: with pretraining, a network and unknown sounds; with
labels that this network supposes; and, where chorus-onnx and ONNX Runtime are at hand, with embeddings of a backbone, and with a network
that learns from them. Each is run once without trouble. Then runs are troubled until they are done, again and again, and their tables, model
and report are compared with those of the undisturbed run, byte for byte. Nor may a run leave other files behind than that one has. The modes:

    kill      SIGKILL to chorus, or to chorus and its workers, at random moments, so many times (--kills)
    worker    SIGKILL to a worker alone, as the system does where memory runs out; a twentieth as often
    term      SIGTERM, which lets the units in work end; a twentieth as often
    stop      SIGSTOP for some seconds (--pause), then SIGCONT
    full      a tmpfs that is too small, and grows (root)
    readonly  an ext4 file system that is aborted while the run writes, checked, and mounted anew (root)
    archive   the archive vanishes in the middle, and returns
    changing  recordings are replaced, cut and added while they are read, and put back
    fiu       libfiu: calls of POSIX fail at random (`fiu-run`, of Debian's fiu-utils)

Half of the random moments lie anywhere in the time that a run still takes. The others lie in a stage that is drawn from those left to make, so
that short stages are met as well. Each moment is counted for the stage that was in work.

What this machine cannot do is skipped with a line. Ends with exit status 1 where bytes differ, files are left behind, an error is not told, or a
program panics.
"""

import argparse
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Where the settings of the end-to-end tests stand.
COMMON = ROOT / "tests/common/mod.rs"
# The clips of a report take as long as a training here; one of each class shows the same.
EVERYWHERE = ["report.clips=1"]
PRETRAINED = ["pretrain.epochs=3", "pretrain.projection=8", "pretrain.projection_hidden=16"]
MEASURED = ["predict.embeddings=true", "unknown.enabled=true", "soundscape.enabled=true"]
SUPPOSED = ["self_training.last_epochs=1", "self_training.negative_below=0.01"]
EMBEDDED = ["segment.window_s=1", "segment.hop_s=1"]
DISTILLED = ["train.on=features", "distill.epochs=2"]
CONTRACT = """
name: Tiny
sample_rate_hz: 8000
window_s: 0.5
input: {name: sound, shape: [batch, samples]}
outputs: {embedding: {name: embedding}}
license: CC-BY-NC-4.0
"""
# What is worth something in a run.
PARTS = ("tables", "model", "report")
# Of these there may be more after some troubles: a process that goes on begins a new one.
ITS_OWN = re.compile(r"^(log[^/]*\.jsonl|state/[^/]+/journal-[^/]*)$")
# Before the first stage, and behind the last one.
START, END = "start", "end"
# A process that takes longer hangs.
LONGEST_S = 900


def fail(text):
    print(f"failed: {text}", file=sys.stderr)
    sys.exit(1)


def settings():
    """The settings of the end-to-end tests, which write a checkpoint behind each epoch."""
    found = re.search(r'^const SETTINGS: &str = "([^"\\\\]*)";$', COMMON.read_text(), re.M)
    if not found or "checkpoint_every_s: 0" not in found[1]:
        fail(f"{COMMON}: found no SETTINGS with checkpoint_every_s: 0, expected them as a text without escapes")
    return found[1]


def results(run):
    files = [path for part in PARTS for path in sorted((run / part).rglob("*")) if path.is_file()]
    return {str(path.relative_to(run)): path.read_bytes() for path in files}


def names(run):
    """What files there are in a run, but for those of which there may be more."""
    return {name for path in run.rglob("*") if path.is_file() and not ITS_OWN.match(name := str(path.relative_to(run)))}


def said_in(file):
    """What was written to a file. Processes that still write share its position, so that is not moved."""
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")


class Survey:
    """An archive and a configuration, and what an undisturbed run of them gives."""

    def __init__(self, chorus, work, name, settings, sets):
        self.chorus, self.work, self.name, self.settings = chorus, work, name, settings
        self.sets = [word for pair in EVERYWHERE + sets for word in ("--set", pair)]
        self.archive = work / "archive"
        self.expected = self.names = self.order = self.seconds = self.lengths = None
        # How long things take now, as a multiple of what they took in the undisturbed run.
        self.pace = 1.0

    def command(self, run, jobs=None):
        # Not on the disk of the run, which may be full.
        config = self.work / f"{self.name}.{run.name}.yaml"
        sources = f"archive: {{path: {self.archive}, audio: raw_data}}\nrun: {{path: {run}}}\n"
        config.write_text(sources + self.settings)
        return [str(self.chorus), "run", "-c", str(config), *self.sets, *(["-j", str(jobs)] if jobs else [])]

    def start(self, run, before=(), jobs=None, said=None):
        """A process group of its own, so that workers can be stopped with it."""
        return subprocess.Popen(
            [*before, *self.command(run, jobs)], cwd=self.work, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
        )

    def finish(self, run):
        """Runs to the end, without trouble; gives what was said."""
        done = subprocess.run(self.command(run), cwd=self.work, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST_S)
        if done.returncode != 0:
            fail(f"{self.name}: a run without trouble ended with {done.returncode}: {done.stderr[-3000:]}")
        return done.stderr

    def made(self):
        """The folder of the undisturbed run."""
        return self.work / f"{self.name}-undisturbed"

    def undisturbed(self):
        run, start = self.made(), time.monotonic()
        said = self.finish(run)
        self.seconds, self.expected, self.names = time.monotonic() - start, results(run), names(run)
        if lacking := [part for part in PARTS if not any(path.startswith(f"{part}/") for path in self.expected)]:
            fail(f"{self.name}: the undisturbed run made no {' and no '.join(lacking)}, so there is nothing to compare with")
        # A pass that belongs to a stage, such as detect-activity, counts by itself.
        made = re.findall(r"^([\w-]+) +made .*?([\d.]+) s$", said, re.M)
        self.order, self.lengths = [name for name, _ in made], {name: max(float(seconds), 0.05) for name, seconds in made}
        self.bytes = sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
        print(f"{self.name}: undisturbed in {self.seconds:.1f} s, {len(self.expected)} files, {self.bytes / 1e6:.1f} MB; stages: {' '.join(self.order)}")

    def differing(self, run):
        """Differing bytes, and the files that have them."""
        found = results(run)
        number, files = 0, []
        for path in sorted(found.keys() | self.expected.keys()):
            a, b = found.get(path), self.expected.get(path)
            if a != b:
                files.append(path)
                a, b = a or b"", b or b""
                number += abs(len(a) - len(b)) + sum(x != y for x, y in zip(a, b))
        return number, files

    def stage(self, said):
        """The stage in work, by what the process said last."""
        for line in reversed(said.splitlines()):
            words = line.split()
            if not words or words[0] not in self.order:
                continue
            if len(words) > 1 and words[1] in ("made", "fresh", "taken"):
                after = self.order[self.order.index(words[0]) + 1 :]
                return after[0] if after else END
            return words[0]
        return START

    def left(self, stage):
        """The stages that are not made, where this one is in work."""
        if stage == END:
            return []
        return [START, *self.order] if stage == START else self.order[self.order.index(stage) :]

    def rest(self, left):
        """Seconds that a process takes for the stages that are left, about. Its start takes a tenth of a run."""
        share = sum(self.lengths.get(stage, 0) for stage in left) / sum(self.lengths.values())
        return self.pace * self.seconds * min(0.1 + share, 1)

    def length(self, stage):
        """Seconds that a stage takes, about."""
        return self.pace * self.lengths.get(stage, 0.03 * self.seconds)

    def learn(self, came_too_late):
        """Moments that come when all is over show nothing and take the longest: about three in ten do, whatever else the machine does."""
        self.pace = min(max(self.pace * (0.8 if came_too_late else 1.1), 0.02), 5)


class Tally:
    """What came of a mode."""

    def __init__(self, mode):
        self.mode, self.troubles, self.runs, self.bytes, self.left_over = mode, 0, 0, 0, 0
        self.stages, self.errors = Counter(), Counter()

    def check(self, survey, run):
        """Compares a run that is done with the undisturbed one. What it recorded has to be whole, too: nothing is made again."""
        self.runs += 1
        if "nothing to do" not in (said := survey.finish(run)):
            fail(f"{self.mode}, {survey.name}: a run that was done made something again: {said[-3000:]}")
        number, files = survey.differing(run)
        left_over = sorted(names(run) - survey.names - set(files))
        if files:
            print(f"{self.mode}, {survey.name}: {number} bytes differ in {files}; the run is kept: {run}")
            self.bytes += number or 1
        if left_over:
            print(f"{self.mode}, {survey.name}: left behind were {left_over}; the run is kept: {run}")
            self.left_over += len(left_over)
        if not files and not left_over:
            remove(run)

    def told(self, said, status, what):
        """An error must be told, and no program may panic or crash. Where calls fail, what it says may be lost too."""
        lines = [line for line in said.splitlines() if line.strip()]
        if "panicked at" in said or status < 0 and self.mode != "fiu":
            fail(f"{self.mode}: {what}: a program panicked or crashed ({status}):\n{said[-3000:]}")
        if not lines and self.mode != "fiu":
            fail(f"{self.mode}: {what}: it failed and said nothing")
        self.errors[re.sub(r"/\S+|\d+", "…", lines[-1] if lines else f"nothing, status {status}")[:110]] += 1

    def report(self, expected=()):
        """Prints what came of it; gives whether all is well. Of the stages expected, those that no trouble met are told."""
        stages = ", ".join(f"{stage} {number}" for stage, number in self.stages.most_common())
        what = {"kill": "kills", "worker": "kills of a worker", "term": "stops", "stop": "pauses"}.get(self.mode, "troubles")
        found = f"{self.bytes} differing bytes, {self.left_over} files left behind"
        print(f"{self.mode}: {self.troubles} {what}, {self.runs} runs compared, {found}" + (f"; moments: {stages}" if stages else ""))
        if unmet := sorted(set(expected) - set(self.stages)):
            print(f"    no moment in {', '.join(unmet)}")
        for error, number in self.errors.most_common(6):
            print(f"    {number} x {error}")
        if self.troubles == 0 or self.runs == 0:
            print(f"{self.mode}: nothing was troubled or compared, so this shows nothing")
        return self.bytes == 0 and self.left_over == 0 and self.troubles > 0 and self.runs > 0


def remove(run):
    shutil.rmtree(run, ignore_errors=True)


def wait(process, survey):
    try:
        return process.wait(LONGEST_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        fail(f"{survey.name}: a process took longer than {LONGEST_S} s")


def send(process, which, to_group):
    """Sends a signal; gives whether the process was still there."""
    if process.poll() is not None:
        return False
    try:
        os.killpg(process.pid, which) if to_group else process.send_signal(which)
    except ProcessLookupError:
        return False
    return True


def group_ended(process):
    """Workers end a moment after chorus was killed."""
    for _ in range(1000):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)


def moment(draw, seconds):
    """From the whole time of a process, and often soon, so that a run is troubled several times before it is done."""
    return draw.uniform(0, seconds) if draw.random() < 0.5 else draw.expovariate(1 / (0.1 * seconds))


def ended_before(process, delay):
    """Whether a process ends by itself within some time."""
    try:
        process.wait(delay)
        return True
    except subprocess.TimeoutExpired:
        return False


def reached(process, survey, draw, said, since):
    """Waits for a random moment; gives whether the process ended before. `since` is the latest stage that the run has been in."""
    left = survey.left(since)
    if not left or draw.random() < 0.5:
        return ended_before(process, moment(draw, survey.rest(left)))
    # Long stages save checkpoints, so they are drawn more often than short ones, though not as often as they are longer.
    stage = draw.choices(left, [survey.length(stage) ** 0.5 for stage in left])[0]
    while stage in survey.left(survey.stage(said_in(said)))[1:]:
        if ended_before(process, 0.002):
            return True
    return ended_before(process, draw.uniform(0, survey.length(stage)))


def is_hit(mode, process, said, was_alive):
    """Whether a trouble met its process, which has ended since. What else it may have ended with is a fault."""
    status = process.returncode
    if status == 0:
        # It ended in the moment before, unless it was only stopped for a while.
        return mode == "stop" and was_alive
    # Before it handles signals, SIGTERM ends it as well.
    is_meant = {
        "kill": status == -signal.SIGKILL,
        "worker": status > 0 and was_alive,
        "term": status == -signal.SIGTERM or status > 0 and "stopped; finished units are kept" in said,
        "stop": False,
    }[mode]
    if not is_meant:
        fail(f"{mode}: a process ended with {status}, which is not what it was sent: {said[-3000:]}")
    return True


def troubled(mode, surveys, draw, number, trouble, args):
    """Runs that are troubled at random moments until they are done, and then from the beginning, so many times. A trouble that met no
    process does not count."""
    tally, turn = Tally(mode), 0
    while tally.troubles < number:
        survey = surveys[turn % len(surveys)]
        run, turn, jobs = survey.work / f"{mode}-{turn}", turn + 1, draw.choice([None, 1])
        with ExitStack() as files:
            heard, since = [], START
            while tally.troubles < number:
                # Beside the folder of the run, which need not be there yet.
                said = files.enter_context(tempfile.TemporaryFile(dir=survey.work))
                process = survey.start(run, jobs=jobs, said=said)
                heard.append((process, said))
                is_over = reached(process, survey, draw, said, since)
                survey.learn(is_over)
                was_alive = False
                if not is_over:
                    was_alive = trouble(process)
                    wait(process, survey)
                    # Or it is started again while its worker still ends.
                    if draw.random() < 0.5:
                        group_ended(process)
                text = said_in(said)
                if is_over and process.returncode != 0:
                    fail(f"{mode}, {survey.name}: the run ended by itself with {process.returncode}: {text[-3000:]}")
                if not is_over and is_hit(mode, process, text, was_alive):
                    tally.troubles += 1
                    stage = survey.stage(text)
                    tally.stages[stage] += 1
                    since = min(since, stage, key=lambda stage: len(survey.left(stage)))
                if process.returncode == 0:
                    break
                if process.returncode > 0:
                    tally.told(text, process.returncode, survey.name)
            else:
                survey.finish(run)
            # A worker that outlived chorus may have panicked later.
            for process, said in heard:
                group_ended(process)
                if "panicked at" in (text := said_in(said)):
                    fail(f"{mode}: a program panicked: {text[-3000:]}")
        tally.check(survey, run)
        if args.verbose or turn % 20 == 0:
            print(f"    {mode}: {tally.troubles} of {number}, {tally.runs} runs", flush=True)
    return tally.report({stage for survey in surveys for stage in survey.order} if mode == "kill" else ())


# Troubles of a process. Each gives whether the process was there.


def killing(draw):
    return lambda process: send(process, signal.SIGKILL, draw.random() < 0.4)


def workers(process):
    """The processes that a process started, as Linux tells them."""
    pids = []
    for place in Path(f"/proc/{process.pid}/task").glob("*/children"):
        with suppress(OSError):
            pids += map(int, place.read_text().split())
    return pids


def killing_workers(draw, longest_s):
    """Waits until there is a worker, and kills it some time later."""

    def kill(process):
        while not ended_before(process, 0.002):
            for pid in workers(process):
                # This names the process itself: its number may go to another one when it has ended.
                with suppress(ProcessLookupError):
                    worker = os.pidfd_open(pid)
                    try:
                        if ended_before(process, draw.uniform(0, longest_s)):
                            return False
                        signal.pidfd_send_signal(worker, signal.SIGKILL)
                        return True
                    finally:
                        os.close(worker)
        return False

    return kill


def killed_workers(surveys, draw, number, args):
    if not hasattr(os, "pidfd_open") or not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        print("worker: skipped: this system does not tell which processes another one started (Linux does)")
        return True
    return troubled("worker", surveys, draw, number, killing_workers(draw, surveys[0].seconds / 4), args)


def terminating(process):
    return send(process, signal.SIGTERM, False)


def pausing(seconds):
    def pause(process):
        was_alive = send(process, signal.SIGSTOP, True)
        time.sleep(seconds)
        send(process, signal.SIGCONT, True)
        return was_alive

    return pause


def system(*command):
    """Whether a command of the system succeeds."""
    return subprocess.run([str(part) for part in command], capture_output=True).returncode == 0


def failing(mode, survey, run, tally, before=()):
    """A process that may fail; it must tell why. Gives whether it was done."""
    with tempfile.TemporaryFile(dir=survey.work) as said:
        process = survey.start(run, before, said=said)
        yield process
        status = wait(process, survey)
        text = said_in(said)
    if status != 0:
        tally.troubles += 1
        tally.stages[survey.stage(text)] += 1
        tally.told(text, status, survey.name)
    elif "panicked at" in text:
        fail(f"{mode}: a program panicked: {text[-3000:]}")
    yield status == 0


def full_disk(surveys, draw, args):
    tally, place = Tally("full"), surveys[0].work / "small"
    place.mkdir()
    for survey in surveys:
        size = draw.uniform(0.05, 0.2) * survey.bytes
        if os.geteuid() != 0 or not system("mount", "-t", "tmpfs", "-o", f"size={int(size)}", "tmpfs", place):
            print("full: skipped: a tmpfs cannot be mounted here (it takes root)")
            return True
        try:
            run, is_done = place / "run", False
            while not is_done:
                step = failing("full", survey, run, tally)
                next(step)
                is_done = next(step)
                size *= draw.uniform(1.1, 1.5)
                if not system("mount", "-o", f"remount,size={int(size)}", place):
                    fail("full: the tmpfs cannot be made larger")
                if size > 100 * survey.bytes:
                    fail("full: the run does not end however much room there is")
            tally.check(survey, run)
        finally:
            system("umount", "-l", place)
    return tally.report()


def read_only(surveys, draw, args):
    tally, work = Tally("readonly"), surveys[0].work
    place, image = work / "aborted", work / "aborted.ext4"
    place.mkdir()
    for survey in surveys:
        with open(image, "wb") as file:
            file.truncate(max(64 << 20, 8 * survey.bytes))
        mount = ("mount", "-o", "loop", image, place)
        if os.geteuid() != 0 or not system("mkfs.ext4", "-q", "-F", image) or not system(*mount):
            print("readonly: skipped: an ext4 file system in a file cannot be mounted here (it takes root, loop devices and mkfs.ext4)")
            return True
        run = place / "run"
        try:
            for _ in range(args.aborts):
                step = failing("readonly", survey, run, tally)
                process = next(step)
                ended_before(process, moment(draw, survey.seconds))
                # As after an error of the disk: from now on nothing can be written.
                if not system("mount", "-o", "remount,abort", place):
                    process.kill()
                    print("readonly: skipped: this system cannot abort a file system")
                    return True
                next(step)
                group_ended(process)
                system("umount", place) or system("umount", "-l", place)
                system("e2fsck", "-f", "-y", image)
                if not system(*mount):
                    fail("readonly: the file system cannot be mounted again")
            survey.finish(run)
            tally.check(survey, run)
        finally:
            system("umount", "-l", place)
    return tally.report()


def vanishing(surveys, draw, args):
    tally = Tally("archive")
    for turn in range(args.vanishings):
        survey = surveys[turn % len(surveys)]
        run, away = survey.work / f"archive-{turn}", survey.archive.with_name("away")
        step = failing("archive", survey, run, tally)
        process = next(step)
        ended_before(process, moment(draw, survey.seconds))
        survey.archive.rename(away)
        # An empty folder is what is left of a disk that was taken out.
        if turn % 2:
            survey.archive.mkdir()
        is_done = next(step)
        if not is_done:
            # Without the archive the run is refused, and nothing of it is removed.
            before = results(run)
            step = failing("archive", survey, run, tally)
            next(step)
            if next(step):
                fail("archive: a run whose archive is away says that it is done")
            after = results(run)
            if other := sorted(path for path, content in before.items() if after.get(path) != content):
                fail(f"archive: while it was away, files went or changed: {other}")
        if turn % 2:
            survey.archive.rmdir()
        away.rename(survey.archive)
        survey.finish(run)
        tally.check(survey, run)
    return tally.report()


def changing(surveys, draw, args):
    """Recordings change while they are read. What is put back has the former bytes, so the run ends with the former bytes too."""
    tally = Tally("changing")
    for turn in range(args.changes):
        survey = surveys[turn % len(surveys)]
        run = survey.work / f"changing-{turn}"
        sounds = sorted(path for path in survey.archive.rglob("*") if path.suffix.lower() == ".wav")
        contents = {path: path.read_bytes() for path in draw.sample(sounds, min(3, len(sounds)))}
        new = sounds[0].with_name(f"new-{sounds[0].name}")
        step = failing("changing", survey, run, tally)
        process = next(step)
        until, changes = time.monotonic() + moment(draw, survey.seconds), 0
        while time.monotonic() < until and process.poll() is None:
            path = draw.choice(list(contents))
            match draw.randrange(4):
                case 0:
                    path.write_bytes(contents[path][: draw.randrange(len(contents[path]))])
                case 1:
                    path.unlink(missing_ok=True)
                case 2:
                    new.write_bytes(contents[path])
                case _:
                    path.write_bytes(contents[path] + b"\0" * draw.randrange(5000))
            changes += 1
            time.sleep(draw.uniform(0, 0.05))
        for path, content in contents.items():
            path.write_bytes(content)
        new.unlink(missing_ok=True)
        # One that failed was counted.
        tally.troubles += int(next(step) and changes > 0)
        survey.finish(run)
        tally.check(survey, run)
    return tally.report()


def failing_calls(surveys, draw, args):
    if not shutil.which("fiu-run"):
        print("fiu: skipped: found no fiu-run; on Debian: apt-get install fiu-utils")
        return True
    tally = Tally("fiu")
    for turn in range(args.fiu):
        survey, share = surveys[turn % len(surveys)], 10 ** draw.uniform(-5, -2)
        run = survey.work / f"fiu-{turn}"
        for _ in range(6):
            calls = draw.choice(["posix/io/*", "posix/io/rw/*", "posix/io/sync/*", "posix/io/oc/*", "posix/io/dir/*"])
            before = ("fiu-run", "-x", "-f", "", "-c", f"enable_random name={calls},probability={share:.6f}")
            step = failing("fiu", survey, run, tally, before)
            process = next(step)
            if next(step):
                break
            group_ended(process)
        survey.finish(run)
        tally.check(survey, run)
    return tally.report()


def processor_s():
    """Seconds of processor of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def make_archive(chorus, work):
    archive = work / "archive"
    done = subprocess.run([str(chorus), "demo", "--tiny", str(archive)], capture_output=True, text=True)
    if done.returncode != 0:
        fail(f"chorus demo: {done.stderr}")
    # Some recordings on no side of the split, for pretraining.
    lines, seen = (archive / "subset.csv").read_text().splitlines(), 0
    for i, line in enumerate(lines):
        if line.endswith(",train"):
            seen += 1
            if seen % 3 == 0:
                lines[i] = line.removesuffix("train") + "unused"
    (archive / "subset.csv").write_text("\n".join(lines) + "\n")


def make_surveys(chorus, work):
    make_archive(chorus, work)
    survey = lambda name, sets: Survey(chorus, work, name, settings(), sets)
    network = survey("network", PRETRAINED + MEASURED)
    surveys = [network, survey("supposed-labels", [*SUPPOSED, f"self_training.teacher={network.made()}"])]
    tiny = ROOT / "tests/golden/backbones/tiny.onnx"
    if (chorus.parent / "chorus-onnx").exists() and tiny.exists():
        backbone = work / "tiny.onnx"
        shutil.copy(tiny, backbone)
        backbone.with_suffix(".yaml").write_text(CONTRACT)
        heard = [*EMBEDDED, f"backbone.path={backbone}"]
        embedded = survey("embeddings", heard)
        tried = subprocess.run(
            [*embedded.command(work / "tried"), "embed", "--with-upstream"], cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if tried.returncode == 0:
            surveys += [embedded, survey("distillation", heard + DISTILLED)]
        else:
            print(f"embeddings: skipped: {tried.stderr.strip().splitlines()[-1:]}")
        remove(work / "tried")
    else:
        print("embeddings: skipped: there is no chorus-onnx beside chorus")
    # The first one teaches the second one.
    for survey in surveys:
        survey.undisturbed()
    return surveys


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chorus", type=Path)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--modes", default="kill,worker,term,stop,full,readonly,archive,changing,fiu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=3.0, help="seconds of SIGSTOP")
    parser.add_argument("--aborts", type=int, default=5, help="aborted file systems for each survey")
    parser.add_argument("--vanishings", type=int, default=10)
    parser.add_argument("--changes", type=int, default=10)
    parser.add_argument("--fiu", type=int, default=10)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    draw, chorus = random.Random(args.seed), args.chorus.resolve()
    if not (chorus.parent / "chorus-torch").exists():
        fail(f"{chorus.parent / 'chorus-torch'} is missing: build it with `make build`")
    some = max(1, args.kills // 20)
    modes = {
        "kill": lambda surveys: troubled("kill", surveys, draw, args.kills, killing(draw), args),
        "worker": lambda surveys: killed_workers(surveys, draw, some, args),
        "term": lambda surveys: troubled("term", surveys, draw, some, terminating, args),
        "stop": lambda surveys: troubled("stop", surveys, draw, max(1, some // 5), pausing(args.pause), args),
        "full": lambda surveys: full_disk(surveys, draw, args),
        "readonly": lambda surveys: read_only(surveys, draw, args),
        "archive": lambda surveys: vanishing(surveys, draw, args),
        "changing": lambda surveys: changing(surveys, draw, args),
        "fiu": lambda surveys: failing_calls(surveys, draw, args),
    }
    wanted = args.modes.split(",")
    if unknown := [mode for mode in wanted if mode not in modes]:
        fail(f"--modes: found {', '.join(unknown)}, expected some of {', '.join(modes)}")
    print(f"seed {args.seed}", flush=True)
    is_well, work = True, Path(tempfile.mkdtemp(prefix="chorus-kills-"))
    surveys = make_surveys(chorus, work)
    for mode in wanted:
        start, before = time.monotonic(), processor_s()
        is_well &= modes[mode](surveys)
        print(f"    {mode}: {time.monotonic() - start:.0f} s, {processor_s() - before:.0f} s of processor", flush=True)
    if is_well:
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(0 if is_well else 1)


main()
