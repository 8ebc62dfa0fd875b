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
            runs = [{"machine": m, "version": {}, "figures": [figure(v)]} for m, v in ((1, 1.0), (1, 2.0), (2, 9.0))]
            place.write_text("\n".join([json.dumps(runs[0]), "{broken", "[]", *map(json.dumps, runs[1:])]))
            last = main.before(main.kept(place), 1)
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

    def test_a_loss_is_more_instructions_than_the_fewest_so_far(self):
        kept = {"key": {"sql": 1000, "logmel": 1000}}
        lost = quick.compare(kept, "key", {"sql": 1040, "logmel": 900, "predict": 5})
        self.assertEqual([name for name, *_ in lost], ["sql"])
        self.assertEqual(kept["key"], {"sql": 1000, "logmel": 900, "predict": 5})
        self.assertEqual(quick.compare(kept, "other", {"sql": 1}), [])
        self.assertEqual(quick.compare(kept, "key", {"sql": 1029}), [])

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
