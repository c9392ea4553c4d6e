"""Compare what the readers make of a folder's files with what a second extractor does.

Usage: .venv/bin/python tests/evaluation/extraction.py FOLDER [--out FILE.jsonl] [--worst N]

The second one is poppler's `pdftotext` for PDF and `pandoc` for what it reads (Debian:
poppler-utils and pandoc). Both must be on PATH. Each file is read in a process of its own with
limits on time and memory, as an ingest reads it, so that none ends the run. Told for each kind:

    refused, crashed   files without a text: with a reason, or because their reader failed
    words, letters     of the second extractor's, how many are ours too (multisets); heads and feet
                       that a remark says are left out do not count, for it keeps them on each page
    if nothing is told as left out   the same words, of the files without such a remark
    numbers            runs of digits of ours that it has nowhere, by 1,000 of its own. Numbers of
                       lists and sections do not count, for it leaves them out
    glued              those among them that are two or three of its runs in one
    broken             words with a hyphen that a line's end left behind, by 2,000 words; the likes
                       of "single- and double-sided" do not count
    headings           files in which at least one was found
    remarks            files of which something was said to be left out or guessed
"""

from __future__ import annotations

import argparse
import html
import json
import re
import subprocess
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from ingest.documents import SUFFIXES, Document
from ingest.isolated import Readers

PANDOC = {
    ".md": "markdown-yaml_metadata_block", ".markdown": "markdown", ".html": "html",
    ".htm": "html", ".docx": "docx", ".odt": "odt", ".rtf": "rtf", ".epub": "epub",
    ".ipynb": "ipynb", ".rst": "rst", ".csv": "csv", ".tsv": "tsv",
}  # fmt: skip
SECONDS = 60  # that the second extractor may take for a file
WORD = re.compile(r"[^\W_]+")
DIGITS = re.compile(r"\d+")
FAILED = re.compile(r"a fault in|the reader |its parts are nested|it took longer|it needs more")
LABEL = re.compile(r"^[ >#|*•-]*(?:\(?\d{1,3}(?:\.\d{1,3})*[.):]?|\[\d{1,3}\])(?= )", re.M)
LEFT_OUT = re.compile("left out|cut short")
REMARKED = re.compile(r"running heads? (?:and feet|or foot) left out: (.*?)(?:; |$)")
SUSPENDED = r"(?!(?:and|or|to|und|oder|bis|et|ou|y|o|e|en|of|och|og)\b)"
BROKEN = re.compile(
    r"[^\W\d_]{2,}[-\u00ad\u2010] ?\n ?[^\W\d_]{2,}"
    rf"|[^\W\d_]{{2,}}- {SUSPENDED}[a-z]{{2,}}(?=\s)"
)


@dataclass
class Row:
    """What came of one file."""

    name: str
    kind: str
    seconds: float = 0.0
    refused: str = ""
    crashed: str = ""
    words: int = 0  # of the second extractor
    words_lost: int = 0
    letters: int = 0
    letters_lost: int = 0
    numbers: int = 0
    numbers_strange: int = 0
    glued: int = 0
    broken: int = 0
    headings: int = 0
    remarks: str = ""
    lost: str = ""  # some words that are lost
    strange: str = ""  # some numbers that are strange


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, help="write a line of JSON for each file")
    parser.add_argument("--worst", type=int, default=10, help="print so many of the worst files")
    args = parser.parse_args()
    files = [path for path in sorted(args.folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    rows = []
    with Readers(1) as readers:
        for number, path in enumerate(files, 1):
            if sys.stderr.isatty():
                print(f"\r{number} of {len(files)}: {path.name[:60]:60}", end="", file=sys.stderr)
            rows.append(compared(path, args.folder, readers))
    if args.out:
        lines = (json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
        args.out.write_text("".join(lines), "utf-8")
    print("\n".join(table(rows)))
    for row in sorted(rows, key=badness, reverse=True)[: args.worst]:
        print(f"\n{row.name}: {asdict(row)}")
    return 1 if any(row.crashed for row in rows) else 0


def compared(path: Path, home: Path, readers: Readers) -> Row:
    """Read one file with both extractors."""
    row = Row(str(path.relative_to(home)), path.suffix.lower())
    began = time.monotonic()
    ((_, document),) = readers.read([(path.name, path)])
    row.seconds = time.monotonic() - began
    if not isinstance(document, Document):
        reason = str(document)
        row.crashed, row.refused = (reason, "") if FAILED.match(reason) else ("", reason)
        return row
    row.headings, row.remarks = len(document.headings), "; ".join(document.remarks)
    row.broken = len(BROKEN.findall(document.text))
    theirs = second(path)
    if theirs is None:
        return row
    theirs = without_heads(theirs, row.remarks)
    if row.kind != ".pdf":  # of a PDF, it keeps those that the lines' ends left
        row.broken = max(row.broken - len(BROKEN.findall(theirs)), 0)
    mine, other = words(document.text), words(theirs)
    lost = other - mine
    row.words, row.words_lost = other.total(), lost.total()
    mine, other = (Counter("".join(bag.elements())) for bag in (mine, other))
    row.letters, row.letters_lost = other.total(), (other - mine).total()
    row.lost = " ".join([*lost][:12])
    runs = DIGITS.findall(plain(theirs))
    known = set(runs)
    ours = DIGITS.findall(LABEL.sub("", plain(document.text)))
    strange = [run for run in ours if run not in known]
    joined = {a + b for a, b in pairwise(runs)}
    joined |= {a + b + c for a, b, c in zip(runs, runs[1:], runs[2:], strict=False)}
    row.numbers, row.numbers_strange = len(runs), len(strange)
    row.glued = sum(run in joined for run in strange)
    row.strange = " ".join(strange[:12])
    return row


def without_heads(text: str, remarks: str) -> str:
    """Leave out the lines that come again and share a word with heads that a remark tells of."""
    told = REMARKED.search(remarks)
    if not told:
        return text
    heads = {word for word in WORD.findall(masked(told[1])) if word != "0"}
    lines = [masked(line) for line in text.splitlines()]
    often = Counter(lines)
    return "\n".join(
        line
        for line, form in zip(text.splitlines(), lines, strict=True)
        if often[form] < 2 or not heads & {*WORD.findall(form)}
    )


def masked(line: str) -> str:
    """Return a line with the same sign for each of its numbers."""
    return DIGITS.sub("0", line.replace("\f", "").strip().casefold())


def second(path: Path) -> str | None:
    """Return the second extractor's text; None if it reads no such file, or fails."""
    suffix = path.suffix.lower()
    if suffix == ".pdf":
        command = ["pdftotext", "-q", str(path), "-"]
    elif suffix in PANDOC:
        command = ["pandoc", "-f", PANDOC[suffix], "-t", "plain", "--wrap=none", str(path)]
    else:
        return None
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def plain(text: str) -> str:
    """Return a text as both are compared: compatible forms, no soft hyphens, no line-end ones."""
    text = unicodedata.normalize("NFKC", html.unescape(text)).replace("\u00ad", "")
    return re.sub(r"([^\W\d_])[-\u2010]\n\s*([a-z])", r"\1\2", text)


def words(text: str) -> Counter[str]:
    """Return the words of a text, each with its count."""
    return Counter(WORD.findall(plain(text).casefold()))


def badness(row: Row) -> tuple[bool, float]:
    """Return how bad a row is, for sorting."""
    lost = row.letters_lost / max(row.letters, 1)
    numbers = (row.numbers_strange + 9 * row.glued) / max(row.numbers, 1)
    return bool(row.crashed), lost + numbers + row.broken / 100


def table(rows: list[Row]) -> Iterator[str]:
    """Yield the lines of the table, one a kind of file and one of all."""
    yield (
        "kind      files  refused  crashed  words kept  if nothing is told as left out"
        "  letters kept  strange numbers /1,000"
        "  glued  broken /2,000  with headings  with remarks  s/file"
    )
    kinds = sorted({row.kind for row in rows})
    for kind in (*kinds, "all"):
        some = [row for row in rows if kind in (row.kind, "all")]
        read = [row for row in some if not row.refused and not row.crashed]
        quiet = [row for row in read if not LEFT_OUT.search(row.remarks)]
        lost = sum(row.words_lost for row in quiet) / max(sum(row.words for row in quiet), 1)
        total = {
            name: sum(getattr(row, name) for row in read)
            for name in Row.__dataclass_fields__
            if isinstance(getattr(Row("", ""), name), int | float)
        }
        yield (
            f"{kind:9} {len(some):5}  {sum(bool(row.refused) for row in some):7}"
            f"  {sum(bool(row.crashed) for row in some):7}"
            f"  {1 - total['words_lost'] / max(total['words'], 1):10.2%}"
            f"  {1 - lost:30.2%}"
            f"  {1 - total['letters_lost'] / max(total['letters'], 1):12.2%}"
            f"  {1000 * total['numbers_strange'] / max(total['numbers'], 1):22.1f}"
            f"  {total['glued']:5}"
            f"  {2000 * total['broken'] / max(total['words'], 1):13.2f}"
            f"  {sum(row.headings > 0 for row in read):13}"
            f"  {sum(bool(row.remarks) for row in read):12}"
            f"  {total['seconds'] / max(len(read), 1):6.2f}"
        )


if __name__ == "__main__":
    sys.exit(main())
