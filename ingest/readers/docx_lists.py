"""The numbers of lists and clauses, as Word counts them by numbering.xml."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
LEVELS = 9
_ROMAN = tuple(
    zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        "M CM D CD C XC L XL X IX V IV I".split(),
        strict=True,
    )
)
_LONGEST = 8  # letters or so of a number; what is longer is no count of anything


@dataclass(frozen=True)
class Level:
    """Hold how one level of a list is counted and shown."""

    start: int = 1
    form: str = "decimal"
    text: str = ""  # "%1.%2"
    restart: int | None = None  # the level, from 1, whose step begins it anew; 0: none does
    legal: bool = False  # all its numbers are figures
    style: str = ""


@dataclass
class Numbering:
    """Count the paragraphs of lists; a paragraph's marker is asked for in reading order."""

    lists: dict[str, dict[int, Level]] = field(default_factory=dict)  # by abstract list
    numbers: dict[str, tuple[str, dict[int, Level], dict[int, int]]] = field(default_factory=dict)
    counts: dict[str, list[int | None]] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)

    def level_of_style(self, number: str, style: str) -> int:
        """Return the level of a list that belongs to a paragraph style; the first otherwise."""
        levels = self.lists.get(self.numbers.get(number, ("", {}, {}))[0], {})
        return next((n for n, level in levels.items() if style and level.style == style), 0)

    def marker(self, number: str, depth: int) -> str | None:
        """Count one paragraph on, and return what stands before it: "2.", "- ", "".

        None: there is no such list.
        """
        if number not in self.numbers:
            return None
        name, own, starts = self.numbers[number]
        levels = {**self.lists.get(name, {}), **own}
        if depth not in levels:
            return None
        counts = self.counts.setdefault(name, [None] * LEVELS)
        if number not in self.begun:
            self.begun.add(number)
            for at in starts:
                counts[at] = None
        before = counts[depth]
        start = starts.get(depth, levels[depth].start)
        counts[depth] = start if before is None else before + 1
        for at in range(depth + 1, LEVELS):
            restart = levels.get(at, Level()).restart
            if restart is None or (restart and depth < restart):
                counts[at] = None
        level = levels[depth]
        if level.form == "bullet":
            return "-"
        shown = [
            (
                "decimal" if level.legal else levels.get(at, Level()).form,
                levels.get(at, Level()).start if count is None else count,
            )
            for at, count in enumerate(counts)
        ]
        return re.sub(r"%([1-9])", lambda found: figure(*shown[int(found[1]) - 1]), level.text)


def numbering(root: _Element | None, list_of_style: Callable[[str], str]) -> Numbering:
    """Read numbering.xml. list_of_style: the number of the list that a list style has."""
    made = Numbering()
    if root is None:
        return made
    linked = {}
    for abstract in root.iter(f"{W}abstractNum"):
        name = abstract.get(f"{W}abstractNumId", "")
        made.lists[name] = _levels(abstract)
        link = abstract.find(f"{W}numStyleLink")
        if link is not None:
            linked[name] = link.get(f"{W}val", "")
    for num in root.iter(f"{W}num"):
        own: dict[int, Level] = {}
        starts: dict[int, int] = {}
        for override in num.iter(f"{W}lvlOverride"):
            at = whole(override.get(f"{W}ilvl"), 0)
            start = override.find(f"{W}startOverride")
            if 0 <= at < LEVELS:
                own.update(_levels(override, at))
                if start is not None:
                    starts[at] = whole(start.get(f"{W}val"), 1)
        of = num.find(f"{W}abstractNumId")
        if of is not None:
            number = num.get(f"{W}numId", "")
            made.numbers[number] = (of.get(f"{W}val", ""), own, starts)
    for name, style in linked.items():
        target = made.numbers.get(list_of_style(style), ("", {}, {}))[0]
        made.lists[name] = made.lists[name] or made.lists.get(target, {})
    return made


def whole(value: str | None, default: int) -> int:
    """Return a whole number as the file has it; the default where it has none."""
    return int(value) if value and re.fullmatch(r"-?\d{1,9}", value) else default


def _levels(parent: _Element, default: int = 0) -> dict[int, Level]:
    found = {}
    for lvl in parent.findall(f"{W}lvl"):

        def value(name: str, lvl: _Element = lvl) -> str | None:
            child = lvl.find(f"{W}{name}")
            return None if child is None else child.get(f"{W}val", "")

        restart = value("lvlRestart")
        at = whole(lvl.get(f"{W}ilvl"), default)
        if 0 <= at < LEVELS:
            found[at] = Level(
                whole(value("start"), 0 if value("start") is None else 1),
                value("numFmt") or "decimal",
                value("lvlText") or "",
                None if restart is None else whole(restart, 0),
                lvl.find(f"{W}isLgl") is not None,
                value("pStyle") or "",
            )
    return found


def figure(form: str, count: int) -> str:
    """Write a count in a form of Word's; forms of few languages are written as figures."""
    if form in ("none", "bullet"):
        return ""
    if form.endswith("Letter") and 0 < count <= 26 * _LONGEST:
        letters = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
        return letters.upper() if form.startswith("upper") else letters
    if form.endswith("Roman") and 0 < count < 4000:
        roman = ""
        for value, sign in _ROMAN:
            roman += sign * (count // value)
            count %= value
        return roman if form.startswith("upper") else roman.lower()
    return f"{count:02}" if form == "decimalZero" else str(count)
