"""Run all tests in stages, the quick ones first; a stage that fails ends the run.

Usage: .venv/bin/python tests/run.py [--stage NAME] [whatever pytest takes]

    unit      lint, format, types, and every test without weights, browser or server; coverage
    browser   the pages in Chromium, with a model that is made up
    real      real weights, in the shell, the page, Ollama and Chroma servers

What the machine lacks is skipped; `WHYBOT_TEST_REQUIRE=weights,chromium,ollama` makes it fail.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
WORKERS = "2"  # a browser or a model each
COVERAGE = ["--cov=bot", "--cov=ingest", "--cov-report=term:skip-covered"]
STAGES = {  # name: the marks of its tests, and how they are run
    "unit": ("not slow and not browser and not ollama", ["--dist=worksteal", *COVERAGE]),
    "browser": ("browser and not slow", ["--dist=loadfile"]),
    "real": ("slow or ollama", ["--dist=loadgroup"]),
}
TOLD = ("tests", "failures", "errors", "skipped")  # by the report of a stage


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stage", choices=STAGES, help="run this one alone")
    args, others = parser.parse_known_args()
    counts: Counter[str] = Counter()
    times = []
    for stage in [args.stage] if args.stage else STAGES:
        print(f"=== {stage}", flush=True)
        began = time.monotonic()
        code = run(stage, others, counts)
        times.append(f"{stage}: {time.monotonic() - began:.0f} s")
        if code:
            break
    print(", ".join(times))
    print(", ".join(f"{counts[what]} {what}" for what in ("passed", "failed", "skipped")))
    return code


def run(stage: str, others: list[str], counts: Counter[str]) -> int:
    """Run one stage, add to the counts, and return pytest's exit code."""
    marks, options = STAGES[stage]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-n", WORKERS, "-m", marks, *options]
        done = subprocess.run([*command, f"--junitxml={report}", *others], cwd=ROOT)
        if report.exists():
            for suite in ElementTree.parse(report).getroot():
                number = {name: int(suite.attrib[name]) for name in suite.attrib if name in TOLD}
                failed = number["failures"] + number["errors"]
                counts["failed"] += failed
                counts["skipped"] += number["skipped"]
                counts["passed"] += number["tests"] - failed - number["skipped"]
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
