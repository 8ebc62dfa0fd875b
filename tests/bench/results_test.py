"""Tests of what the benchmarks keep and compare: `python3 tests/bench/results_test.py`."""

import json
import os
import subprocess
import tempfile
import types
import unittest
from pathlib import Path

import main
import quick
import results


def figure(value, unit="s", ratio=None):
    return {"what": "a", "value": value, "unit": unit, "beside": "x" if ratio else None, "ratio": ratio}


class Results(unittest.TestCase):
    def test_better_is_less_time_and_more_speed(self):
        self.assertEqual(main.in_words(main.change(figure(1.0), figure(2.0))), "100% better")
        self.assertEqual(main.in_words(main.change(figure(2.0), figure(1.0))), "50% worse")
        self.assertEqual(main.in_words(main.change(figure(2.0, "windows/s"), figure(1.0, "windows/s"))), "100% better")
        self.assertEqual(main.in_words(main.change(figure(9.0, ratio=2.0), figure(1.0, ratio=2.01))), "as before")
        self.assertEqual(main.in_words(main.change(figure(1.0), None)), "new")
        self.assertIsNone(main.change(figure(1.0, "MiB"), figure(1.0)))

    def test_runs_of_other_machines_and_broken_lines_do_not_count(self):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, "results.jsonl")
            runs = [{"at": at, "machine": m, "version": {}, "figures": [figure(v)]} for at, m, v in (("a", 1, 1.0), ("b", 1, 2.0), ("c", 2, 9.0))]
            place.write_text("\n".join([json.dumps(runs[0]), "{broken", "[]", *map(json.dumps, runs[1:])]))
            kept = main.kept(place)
        last = main.before(kept, 1)
        self.assertEqual([main.newest(kept, machine) and main.newest(kept, machine)["at"] for machine in (1, 2, 3)], ["b", "c", None])
        self.assertEqual(last[("a", None)]["value"], 2.0)
        self.assertIn("as before", main.table([figure(2.0)], last))

    def test_figures_are_noted_where_somebody_asks(self):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, "noted")
            os.environ[results.NOTED] = str(place)
            try:
                results.tell("a", 1.5, "s", "x", 2.0)
            finally:
                del os.environ[results.NOTED]
            self.assertEqual(json.loads(place.read_text()), figure(1.5, ratio=2.0))
        results.tell("nowhere", 1, "s")

    def compared(self, kept, counts, again=None, gains=True):
        """Names with a clear loss. What is counted again gives these numbers."""
        asked = []

        def counted_again(name):
            asked.append(name)
            return again[name]

        kept = {name: {"instructions": n, "commit": "a", "at": "2026-01-01"} for name, n in kept.items()}
        _, lost = quick.compare(counts, kept, counted_again, {"commit": "b", "at": "2026-02-02"}, gains)
        self.assertEqual(sorted(asked), sorted(again or []))
        return lost, {name: (one["instructions"], one["commit"]) for name, one in kept.items()}

    def test_a_loss_is_clearly_more_instructions_than_were_accepted(self):
        most = quick.MOST
        over, under = round(1e6 * (1 + 2 * most)), round(1e6 * (1 - 2 * most))
        self.assertEqual(self.compared({}, {"sql": 5}), ([], {"sql": (5, "b")}))
        # It shows twice. So does a gain, which is then accepted; a first count that was wrong is neither.
        self.assertEqual(self.compared({"sql": 10**6}, {"sql": over}, {"sql": over + 5}), (["sql"], {"sql": (10**6, "a")}))
        self.assertEqual(self.compared({"sql": 10**6}, {"sql": under}, {"sql": under + 5}), ([], {"sql": (under + 5, "b")}))
        self.assertEqual(self.compared({"sql": 10**6}, {"sql": under}, {"sql": under}, gains=False), ([], {"sql": (10**6, "a")}))
        self.assertEqual(self.compared({"sql": 10**6}, {"sql": over}, {"sql": 10**6 + 7}), ([], {"sql": (10**6, "a")}))
        self.assertEqual(self.compared({"sql": 10**6}, {"sql": under}, {"sql": 10**6 + 7}), ([], {"sql": (10**6, "a")}))

    def test_neither_luck_nor_small_losses_move_what_was_accepted(self):
        little = round(0.9 * quick.MOST * 1e6)
        for n in (10**6 - little, 10**6 + little):
            self.assertEqual(self.compared({"sql": 10**6}, {"sql": n}), ([], {"sql": (10**6, "a")}))

    def test_what_is_no_list_of_accepted_counts_is_none(self):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, "instructions.json")
            self.assertEqual(quick.read(place), {})
            for text in ("{broken", "[]", '{"key": 5}'):
                place.write_text(text)
                self.assertEqual(quick.read(place), {})
            # The second is of an earlier form.
            one = {"instructions": 5, "commit": "a", "at": "2026-01-01"}
            quick.write(place, {"key": {"sql": one, "logmel": 7}})
            self.assertEqual(quick.read(place), {"key": {"sql": one}})
            self.assertEqual([path.name for path in Path(folder).iterdir()], [place.name])

    def test_a_command_is_measured_with_what_it_printed(self):
        took = results.measured(["sh", "-c", "echo out; echo said >&2"])
        self.assertEqual((took.out, took.said), ("out\n", "said\n"))
        self.assertTrue(0 < took.seconds < 60 and took.mib > 0)
        with self.assertRaises(SystemExit) as ended:
            results.measured(["sh", "-c", "echo no such run >&2; exit 3"])
        self.assertIn("exit status 3\nno such run", ended.exception.code)
        self.assertEqual(results.measured(["sh", "-c", "exit 3"], accepted=(3,)).out, "")

    def test_counts_are_read_from_both_tools(self):
        self.assertEqual(quick.of_valgrind("==1== I   refs:      1,234,567\n==2== I refs: 3\n"), 1234570)
        self.assertEqual(quick.of_perf("# started\n\n1234,,instructions:u,100,100.00,,\n"), 1234)
        self.assertIsNone(quick.of_perf("<not supported>,,instructions:u,0,0.00,,\n"))

    def test_a_command_that_fails_ends_in_a_sentence(self):
        def said(work):
            with self.assertRaises(SystemExit) as ended:
                work()
            self.assertNotIn("Traceback", ended.exception.code)
            return ended.exception.code

        def tool_that(returns, n):
            ended = lambda command: subprocess.CompletedProcess(command, returns, "", "no such run")
            return types.SimpleNamespace(name="perf", run=lambda command: (ended(command), n))

        self.assertEqual(
            said(lambda: quick.count(tool_that(1, 5), ["chorus", "query"])),
            "bench-quick: `chorus query` failed under perf with status 1: no such run",
        )
        self.assertIn("counted no instructions of `chorus`", said(lambda: quick.count(tool_that(0, None), ["chorus"])))
        self.assertEqual(quick.count(tool_that(0, 7), ["chorus"]), 7)
        self.assertIn("`false` failed with status 1: it said nothing", said(lambda: quick.quiet(["false"])))
        self.assertIn("cannot be started", said(lambda: quick.quiet(["/nowhere/chorus"])))


if __name__ == "__main__":
    unittest.main()
