"""The phases on a real Slurm beside a single process: `slurm.py CHORUS`. It starts Slurm with two nodes on this host, in a temporary folder
and on loopback, and ends it. `workflow/sbatch.sh` runs the demo with four shares; a job is requeued and a node is drained in the middle. A
training reaches the end of its time, `workflow/sweep.sh` runs a sweep, and Snakemake runs the demo through its plugin for Slurm. Each has to
leave the tables, the model and the report of one process, byte for byte.
Says that it was skipped where Slurm is not installed (Debian: slurm-wlm). Ends with exit status 1 and what differs.
"""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from check import ROOT, SETS, fail, results, run
from ports import free_ports

NODES = ["one", "two"]
# More than the host has: jobs ask for what a real cluster has, and Slurm believes the configuration.
CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
AuthInfo=cred_expire=10
CredType=cred/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobRequeue=1
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,batch_sched_delay=0
MailProg=/bin/true
KillWait=5
MinJobAge=600
{nodes}
PartitionName=normal Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """A Slurm of its own, while the block lasts."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        (folder / "state").mkdir()
        control, *ports = free_ports(1 + len(NODES))
        host = socket.gethostname().split(".")[0]
        nodes = "\n".join(
            f"NodeName={name} NodeAddr=127.0.0.1 NodeHostname={host} Port={port} CPUs=8 RealMemory=64000" for name, port in zip(NODES, ports)
        )
        text = CONFIG.format(host=host, port=control, user=getpass.getuser(), folder=folder, nodes=nodes)
        (folder / "slurm.conf").write_text(text)
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
        # Snakemake's plugin keeps variables of Slurm from its jobs, and with them the place of the configuration.
        (folder / "bin").mkdir()
        for name in ["srun", "sbatch", "squeue", "scancel", "scontrol", "sinfo", "sacct"]:
            script = folder / "bin" / name
            script.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which(name)} "$@"\n')
            script.chmod(0o755)
        self.environment["PATH"] = f"{folder}/bin:{os.environ['PATH']}"

    def __enter__(self):
        daemons = [["slurmctld", "-D"], *(["slurmd", "-D", "-N", name] for name in NODES)]
        for daemon in daemons:
            log = open(self.folder / f"{daemon[-1]}.out", "w")
            path = shutil.which(daemon[0]) or f"/usr/sbin/{daemon[0]}"
            self.processes.append(subprocess.Popen([path, *daemon[1:]], stdout=log, stderr=log, env=self.environment))
        for _ in range(60):
            told = subprocess.run(["sinfo", "-h", "-o", "%D %T"], capture_output=True, text=True, env=self.environment).stdout
            if told.split() == [str(len(NODES)), "idle"]:
                return self
            time.sleep(0.5)
        fail(f"Slurm did not start: {told} {self.logs()}")

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def logs(self):
        return "".join(f"\n{path.name}: {path.read_text()[-1500:]}" for path in sorted(self.folder.glob("*.log")))

    def ask(self, *command):
        return run(command, env=self.environment).split()

    def wait(self, what):
        """Waits until no job is left; one that waits for a job that failed would wait for ever."""
        for _ in range(600):
            jobs = self.ask("squeue", "-h", "-o", "%i,%r")
            if not jobs:
                return
            if any("DependencyNeverSatisfied" in job for job in jobs):
                fail(f"{what}: a job failed: {jobs} {self.logs()}")
            time.sleep(0.5)
        fail(f"{what}: not done after five minutes: {jobs} {self.logs()}")


def main(program):
    if not (shutil.which("slurmctld") or Path("/usr/sbin/slurmctld").exists()):
        print("skipped: Slurm is not installed (Debian: apt-get install slurm-wlm)")
        return
    program = Path(program).resolve()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        run([program, "demo", work / "archive", "--sites", "3", "--nights", "2"])
        settings = ROOT / "configs/demo.yaml"
        sets = [*SETS, f"archive.path={work / 'archive'}"]
        given = lambda name: [part for pair in [*sets, f"run.path={work / name}"] for part in ("--set", pair)]
        run([program, "run", "-c", settings, *given("alone")])
        expected = results(work / "alone")

        def same(name, what, expected=expected):
            found = results(work / name)
            differing = sorted(path for path in {*expected, *found} if expected.get(path) != found.get(path))
            if differing or not expected:
                fail(f"{what}: {len(differing)} of {len(expected)} files differ: {', '.join(differing[:8])}")
            print(f"{what}: {len(expected)} files of tables, model and report as from one process")

        (work / "slurm").mkdir()
        with Slurm(work / "slurm") as slurm:
            environment = {**slurm.environment, "CHORUS": str(program), "TRAIN_THREADS": "2"}
            run([ROOT / "workflow/sbatch.sh", settings, "4", *given("by_hand")], env=environment, cwd=work)
            requeued = drained = None
            for _ in range(600):
                running = [job.split(",") for job in slurm.ask("squeue", "-h", "-r", "-t", "R", "-o", "%i,%N")]
                if running and not requeued:
                    requeued = running[0][0]
                    run(["scontrol", "requeue", requeued], env=slurm.environment)
                elif running and (work / "by_hand/state/featurize").exists():
                    drained = running[-1][1]
                    run(["scontrol", "update", f"nodename={drained}", "state=drain", "reason=test"], env=slurm.environment)
                    break
                time.sleep(0.1)
            if not drained:
                fail(f"no job of the second phase ran: {slurm.logs()}")
            slurm.wait("sbatch")
            same("by_hand", f"sbatch.sh, 4 shares, job {requeued} requeued, node {drained} drained")
            run(["scontrol", "update", f"nodename={drained}", "state=resume"], env=slurm.environment)

            # A training whose time is over goes on in another turn. Slurm counts in minutes.
            longer = [*given("turns"), "--set", "train.epochs=60", "--set", f"run.base={work / 'alone'}"]
            run([ROOT / "workflow/sbatch.sh", settings, "1", *longer], env={**environment, "TRAIN_TIME": "1", "TRAIN_WARNING": "45"}, cwd=work)
            train = slurm.ask("squeue", "-h", "-n", "chorus-train", "-o", "%i")[0]
            slurm.wait("a training in turns")
            turns = next(int(word.split("=")[1]) for word in slurm.ask("scontrol", "show", "job", train) if word.startswith("Restarts="))
            run([program, "run", "-c", settings, *given("at_once"), "--set", "train.epochs=60", "--set", f"run.base={work / 'alone'}"])
            if turns < 1:
                fail("the training was over before its time was")
            same("turns", f"a training that was put into the queue again {turns} times", results(work / "at_once"))

            varied = ["--vary", "train.mixing=none,mix2", "--vary", "train.seed=0,1"]
            run([ROOT / "workflow/sweep.sh", settings, "2", *varied, *given("alone")], env=environment, cwd=work)
            slurm.wait("sweep.sh")
            runs = list((work / "alone-sweep").glob("*/tables/metrics"))
            if len(runs) != 4 or not (work / "alone-sweep/tables/sweep_summary").exists():
                fail(f"sweep.sh: found {len(runs)} runs with metrics and expected 4, with tables that compare them")
            print("sweep.sh: 4 runs in two parts, and the tables that compare them")

            config = [f"settings={settings}", "train_threads=2", "shares=4", "predict_shares=3", f"chorus={program}", f"phases={work / 'phases'}"]
            config.append("set=" + " ".join([*sets, f"run.path={work / 'planned'}"]))
            command = [sys.executable, "-m", "snakemake", "-s", ROOT / "workflow/Snakefile", "--profile", ROOT / "workflow/profiles/slurm"]
            command += ["--slurm-status-command", "squeue", "--latency-wait", "5", "--seconds-between-status-checks", "2", "--directory", work]
            environment = {**slurm.environment, "XDG_CACHE_HOME": str(work / "cache")}
            run([*command, "--config", *config], env=environment)
            same("planned", "Snakemake on Slurm, 4 and 3 shares")


if __name__ == "__main__":
    main(sys.argv[1])
