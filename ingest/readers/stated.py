"""What a file says of itself: its title, date and version, without what programs leave there."""

from __future__ import annotations

import re
from collections.abc import Iterable

JUNK = re.compile(
    r"(?:microsoft (?:word|excel|powerpoint) ?-.*|untitled.*|unbenannt.*|sans titre.*"
    r"|title|titel|no title|no slide title|word document|index|readme"
    r"|(?:about|https?|data|file|chrome):.*"
    r"|\(?none\)?|\(?anonymous\)?|normal(?:\.dotm?)?|(?:scan|img|image|print)[\s_-]?\d*"
    r"|(?:document|dokument|presentation|präsentation|book|workbook|mappe|sheet|slide|folie) ?\d*"
    r"|(?:documento?|présentation|presentación|presentazione|classeur|libro|layout|page|seite"
    r"|документ|презентация|книга) ?\d+"
    r"|powerpoint[ -](?:pr[eä][sz]enta\w+|演示文稿|簡報|プレゼンテーション|프레젠테이션)"
    r"|(?:a?pr[eé][sz]enta\w+|презентация)(?: \w+){0,2} powerpoint"
    r"|.*\.(?:docx?|dotx?|od[tsp]|rtf|pptx?|xlsx?|pdf|indd|tmp|txt|tex|dvi|html?|md|qxd|cdr))",
    re.IGNORECASE,
)
VERSION = re.compile(
    r"\W*(?:document |current )?(?:version|revision|rev\.|edition|issue|fassung|ausgabe)"
    r"(?: no\.?| number)?\s{0,3}[:|#]?\s{0,3}v?(\d[\w.-]{0,15}?)(?=[.,;)]?(?:\s|\||$))",
    re.IGNORECASE,
)
REPLACES = re.compile(r"(?:\bthis [\w ]{1,40} )?\b(?:replaces|supersedes|ersetzt)\b", re.IGNORECASE)
OF_WHAT = re.compile(
    r"\b(?:replaces|supersedes|ersetzt) [\w ]{0,40}?\b(?:versions?|revisions?|editions?|issues?"
    r"|fassung|ausgabe)\b[^.;)\n|]*",
    re.IGNORECASE,
)
LINES, LONGEST = 20, 160  # where a version is looked for, and how long such a line may be


def proper_title(title: str) -> str:
    """Return a title in a file's properties; nothing where it is what programs leave there."""
    title = " ".join(title.split())
    return "" if JUNK.fullmatch(title) or not re.search(r"\w", title) else title


def iso_date(stamp: str) -> str:
    """Return the day of a time stamp of a file's properties; nothing where it is none."""
    found = re.match(r"\s*(\d{4})-(\d\d)-(\d\d)", stamp)
    sound = found and 1985 <= int(found[1]) <= 2100 and 1 <= int(found[2]) <= 12
    return "-".join(found.groups()) if found and sound and 1 <= int(found[3]) <= 31 else ""


def stated_version(text: str) -> str:
    """Return the version that the first lines state: "2.1", "Replaces version 2"."""
    number = replaced = ""
    for line in _first_lines(text):
        if len(line) > LONGEST:
            continue
        if not number and (found := VERSION.match(line)):
            number = found[1]
        plain = line.strip(" #*_|>-()")
        if not replaced and REPLACES.match(plain):
            replaced = plain
        elif not replaced and (found := OF_WHAT.search(line)):
            replaced = found[0].strip()
    return "; ".join(filter(None, (number, replaced)))


def _first_lines(text: str) -> Iterable[str]:
    lines = (line for line in text[: LINES * 400].split("\n") if line.strip())
    return (line for _, line in zip(range(LINES), lines, strict=False))
