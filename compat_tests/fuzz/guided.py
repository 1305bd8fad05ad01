"""``python -m compat_tests.fuzz.guided TARGET``: a test of this folder, led by coverage.

Atheris tries what reaches new code, for as long as libFuzzer's options say: ``-runs=10000``, or
``-max_total_time=60`` seconds; without them until Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

import atheris
import django

#: Name -> test; those that need no server.
TARGETS = {
    "bind": "test_addresses:test_bind",
    "address": "test_addresses:test_address",
    "frames": "test_compressed_frames:test_same_as_the_protocol",
    "payload": "test_payloads:test_garbage_payload",
    "message": "test_payloads:test_anything_is_encoded_or_refused",
    "batch": "test_hub:test_garbage_is_no_batch",
    "hub": "test_hub:test_hostile_hub",
}


def main() -> None:
    """Run one target under libFuzzer; options that are not this command's are libFuzzer's."""
    parser = argparse.ArgumentParser(prog="python -m compat_tests.fuzz.guided", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    options, others = parser.parse_known_args()
    module, name = TARGETS[options.target].split(":")
    with atheris.instrument_imports(include=["channels_bridge"]):
        django.setup()
        test = getattr(import_module(f".{module}", __package__), name)
    atheris.Setup([sys.argv[0], *others], test.hypothesis.fuzz_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
