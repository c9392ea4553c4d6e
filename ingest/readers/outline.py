"""AsciiDoc and Org: text whose headings are lines that begin with their signs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingest.counts import left_out
from ingest.readers.content import Content, Heading, heading_title
from ingest.readers.decode import decoded
from ingest.readers.stated import stated_version
from ingest.readers.wrapping import MARKER, joined, wrapped


@dataclass(frozen=True)
class _Form:
    heading: re.Pattern[str]  # (signs) (title)
    fence: re.Pattern[str]  # opens and closes what stays as it is
    end: re.Pattern[str] | None  # closes it, where another line does
    comment: re.Pattern[str]
    stated: re.Pattern[str]  # (key) (value)
    unseen: re.Pattern[str]  # lines that steer the program
    link: re.Pattern[str]  # (shown)


_ASCIIDOC = _Form(
    re.compile(r"(={1,6})[ \t]+(\S.*?)(?:[ \t]+=+)?[ \t]*$"),
    re.compile(r"(-{4,}|\.{4,}|\+{4,}|`{3,}\w*|\|={3,})[ \t]*$"),
    None,
    re.compile(r"//(?!/)"),
    re.compile(r":!?([A-Za-z][\w-]*)!?:[ \t]*(.*)"),
    re.compile(r"\[\[[^\]]*\]\]$|\[[^\]]*\]$|\+$|ifdef::|ifndef::|endif::|include::"),
    re.compile(
        r"(?:https?://[^\s\[\]]{1,500}|(?:link|xref|mailto):[^\s\[\]]{1,500})\[([^\]\n]+)\]"
    ),
)
_ORG = _Form(
    re.compile(r"(\*{1,6})[ \t]+(\S.*?)(?:[ \t]+:[\w@:]+:)?[ \t]*$"),
    re.compile(r"#\+BEGIN_|:PROPERTIES:|:LOGBOOK:", re.IGNORECASE),
    re.compile(r"#\+END_|:END:", re.IGNORECASE),
    re.compile(r"#(?:[ \t]|$)"),
    re.compile(r"#\+([A-Za-z_]+):[ \t]*(.*)"),
    re.compile(r"#\+[A-Za-z_]+:"),
    re.compile(r"\[\[[^\[\]\n]{1,500}\]\[([^\[\]\n]+)\]\]"),
)
_SAID = frozenset("title author date revdate revnumber version description email".split())


def read_asciidoc(data: bytes) -> Content:
    """Read AsciiDoc."""
    return _read(data, _ASCIIDOC)


def read_org(data: bytes) -> Content:
    """Read the outlines of Emacs's Org mode."""
    return _read(data, _ORG)


def _read(data: bytes, form: _Form) -> Content:
    text, remarks = decoded(data)
    out: list[str] = []
    found: list[tuple[int, int, str]] = []  # line, level, title
    stated: dict[str, str] = {}
    paragraph: list[str] = []
    fence = ""
    comments = 0

    def close() -> None:
        item: list[str] = []
        for line in [*paragraph, ""]:
            if item and (not line or MARKER.match(line.lstrip())):
                out.extend([joined(item)] if wrapped([part.strip() for part in item]) else item)
                item = []
            item.append(line)
        paragraph.clear()

    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        opening = form.fence.match(line.strip())
        if fence or opening:
            close()
            drawer = (fence or line.strip()).startswith(":")
            ends = form.end.match(line.strip()) is not None if form.end else line.strip() == fence
            if not drawer:
                out.append(line)
            if fence and ends:
                fence = ""
            elif not fence:
                fence = line.strip()
        elif heading := form.heading.match(line):
            close()
            title = heading_title(form.link.sub(r"\1", heading[2]))
            found.append((len(out), len(heading[1]), title))
            out.append(f"{heading[1]} {title}")
        elif form.comment.match(line):
            comments += 1
        elif pair := form.stated.match(line):
            key = pair[1].lower()
            if key in _SAID and pair[2]:
                stated.setdefault(key, pair[2].strip())
                out.append(f"{pair[1].capitalize()}: {pair[2].strip()}")
        elif form.unseen.match(line):
            continue
        elif line.strip():
            paragraph.append(form.link.sub(r"\1", line))
        else:
            close()
            out.append("")
    close()
    starts = [0]
    for line in out:
        starts.append(starts[-1] + len(line) + 1)
    body = "\n".join(out)
    headings = tuple(
        Heading(starts[line], min(starts[line + 1], len(body)), level, title)
        for line, level, title in found
    )
    first = headings[0].title if form is _ASCIIDOC and headings and headings[0].level == 1 else ""
    return Content(
        body,
        headings,
        title=(stated.get("title", "") or first)[:200],
        date=stated.get("date", "") or stated.get("revdate", ""),
        version=stated.get("version", "") or stated.get("revnumber", "") or stated_version(body),
        remarks=(*remarks, *left_out({"comment": comments})),
    )
