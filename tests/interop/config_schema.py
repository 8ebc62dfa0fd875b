"""Checks the JSON Schema of configurations with an independent validator: `config_schema.py CHORUS`.

The schema is valid draft 7, every file of configs/ and the output of `chorus config` conform to it, and it refuses what chorus refuses.
Ends with exit status 1 and what differs, else prints what was checked.
"""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import yaml


class Loader(yaml.SafeLoader):
    """YAML 1.2 as serde_yaml and editors read it: `on` is a text, and only true and false are booleans."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
CONFIGS = Path(__file__).resolve().parents[2] / "configs"

# Each is refused by chorus too: tests/messages.rs and the unit tests of the configuration.
REFUSED = [
    "segment: {window_s: long}",
    "segment: {window_s: 0}",
    "segment: {windows_s: 3}",
    "segments: {window_s: 3}",
    "train: {asymmetric_gammas: [0]}",
    "train: {learning_rate: 0}",
    "train: {mixing: mixdown}",
    "archive: {channel: 0}",
    "split: {fold: []}",
    "evaluate: {class_groups: {rare: A}}",
    "evaluate: {per_site: null}",
    "report: {clips: 1.5}",
    "- segment",
]
ACCEPTED = [
    "",
    "segment:",
    "device: cuda:0",
    "archive: {channel: 2}",
    "archive: {channel: mix, timezone: null}",
    "split: {fold: [1, b]}",
    "evaluate: {class_groups: {rare: [A, '*']}}",
    "featurize: {high_pass_hz: 200, window: hamming}",
]


def main():
    chorus = sys.argv[1]
    call = lambda *arguments: subprocess.run([chorus, "config", *arguments], check=True, capture_output=True, text=True).stdout
    schema = json.loads(call("--schema"))
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    problems = []
    texts = {path.name: path.read_text() for path in sorted(CONFIGS.glob("*.yaml"))}
    texts["chorus config"] = call()
    texts.update({text: text for text in ACCEPTED})
    for name, text in texts.items():
        problems += [f"{name}: {'.'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(yaml.load(text, Loader))]
    problems += [f"{text}: not refused" for text in REFUSED if validator.is_valid(yaml.load(text, Loader))]
    if problems:
        sys.exit("\n".join(problems))
    print(f"configuration schema: {len(texts)} configurations conform, {len(REFUSED)} wrong ones are refused")


main()
