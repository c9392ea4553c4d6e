"""The passages' own sentences and table rows, and which of them comes nearest to a text.

Nearness is shared stems and cosines. Whether the nearest one is near enough is judged in `verify`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bot.path.words import negates, stems
from bot.trace import Evidence, Passage
from ingest.sentences import sentence_spans
from ingest.tables import tables

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Embed = Callable[[Sequence[str]], NDArray[np.float32]]  # texts -> unit vectors, one a row

VERBATIM = 0.9  # of a text's stems in one sentence: the sentence says the same
ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d+[.)])[ \t]+")  # what stands before an item of a list
LABEL = re.compile(r"(\*\*|__)[^*_\n]{1,60}(?::\1|\1:)")  # paragraphs begun so are a list as well
TOLD = 0.6  # of an item's stems in what is said: a sentence that joins the items of a list has it
CONTEXT = 2  # sentences before one, which tell what its "he" and "the act" are


@dataclass(frozen=True)
class Nearest:
    """The passage sentence that comes nearest to a text."""

    evidence: Evidence
    heading: str
    share: float  # of the text's stems, 0..1; the passage's headings count with it
    same_polarity: bool  # both negate, or neither does
    cosine: float  # the best of any sentence of the passages, -1..1; 1 where words decided
    before: str = ""  # the CONTEXT sentences before it in its passage

    @property
    def verbatim(self) -> bool:
        """Tell whether the sentence says the same in the same words."""
        return self.share >= VERBATIM and self.same_polarity

    @property
    def text(self) -> str:
        """Return the sentence under its heading: many do not say of what they speak."""
        return _under(self.heading, self.evidence.words)

    @property
    def context(self) -> str:
        """Return the sentence under its heading, after those that tell whom or what it means."""
        return _under(self.heading, f"{self.before} {self.evidence.words}".lstrip())


class Sources:
    """The sentences of the passages of one answer; each is stemmed and embedded once.

    So is each text that the nearest is looked for: the draft's sentences are, two or three times.
    """

    def __init__(self, passages: Sequence[Passage], embed: Embed) -> None:
        self.passages = list(passages)
        self._embed = embed
        self._nearest: dict[str, Nearest | None] = {}
        self._rows: list[tuple[Evidence, str, set[str], set[str]]] = []
        self._items: list[tuple[Evidence, str]] = []
        for passage in passages:
            around = set(stems(passage.heading))
            whole = around | set(stems(f"{passage.head} {passage.text}"))
            for start, end, row in units(passage):
                text = passage.text[start:end]
                found = Evidence(passage.n, passage.start + start, passage.start + end, text, row)
                own = around | set(stems(found.words))
                self._rows.append((found, passage.heading, own, whole))
                line = passage.text.rfind("\n", 0, start) + 1
                labelled = start == line and LABEL.match(passage.text, start)
                if labelled or ITEM.fullmatch(passage.text, line, start):
                    self._items.append((found, passage.heading))

    @property
    def sentences(self) -> list[str]:
        """Return all sentences, in the order of the passages; rows of tables in words."""
        return [evidence.words for evidence, *_ in self._rows]

    def nearest(self, text: str) -> Nearest | None:
        """Find the sentence nearest in words and meaning; None if the passages have none."""
        if text not in self._nearest:
            self._nearest[text] = next(iter(self.near(text, 1)), None)
        return self._nearest[text]

    def near(self, text: str, count: int) -> list[Nearest]:
        """Find the sentences nearest in words and meaning, nearest first.

        The share of common stems and the cosines, of the sentence under its heading and alone,
        count alike, because a paraphrase shares few words; but where one is wanted, a sentence
        that has all of the text's words comes first. On a tie the passage decides that has more
        of them.
        """
        words = set(stems(text))
        if not self._rows:
            return []
        shares = [len(words & own) / max(len(words), 1) for _, _, own, _ in self._rows]
        wholes = [len(words & whole) / max(len(words), 1) for *_, whole in self._rows]
        ranks, closest = shares, 1.0  # where words decide
        if count > 1 or max(shares) < VERBATIM:
            vector = self._embed([text])[0]
            under, alone = (vectors @ vector for vectors in self._vectors)
            ranks, closest = (under + alone + shares).tolist(), float(under.max())
        order = sorted(range(len(shares)), key=lambda n: (-ranks[n], -wholes[n]))
        negated = negates(text)
        found = []
        for n in order[:count]:
            evidence, heading, *_ = self._rows[n]
            same = negates(evidence.words) == negated
            before = " ".join(
                one.text
                for one, *_ in self._rows[max(0, n - CONTEXT) : n]
                if one.n == evidence.n
                and not evidence.row  # a row leans on its head, not on other rows
            )
            found.append(Nearest(evidence, heading, shares[n], same, closest, before))
        return found

    def left_out(self, used: Sequence[Evidence], question: str, told: str) -> list[Nearest]:
        """Return the other items of a passage's list of which two or more are used.

        One is enough where the question has all words of the heading: it asks for the whole list.
        told: what is said already; an item is not left out that is part of a sentence of it.
        """
        asked, said = set(stems(question)), set(stems(told))
        counts = Counter(item.n for item, _ in self._items if item in used)
        return [
            Nearest(item, heading, 0.0, True, 1.0)
            for item, heading in self._items
            if counts[item.n] >= (1 if (named := _named(heading)) and named <= asked else 2)
            and item not in used
            and not _told(item.text, said)
        ]

    @cached_property
    def _vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Embed the sentences under their headings, and alone."""
        under = [_under(heading, evidence.words) for evidence, heading, *_ in self._rows]
        return self._embed(under), self._embed(self.sentences)


def units(passage: Passage) -> list[tuple[int, int, str]]:
    """Return the start and end of each sentence and each row of a table; a row also in words.

    The words are empty for a sentence. Heads and rules are no units.
    """
    found = tables(passage.text, passage.head)
    rows = [(row.start, row.end, row.named) for table in found for row in table.rows]
    spans = [
        (start, end, "")
        for start, end in sentence_spans(passage.text)
        if not any(table.start <= start < table.end for table in found)
    ]
    return sorted([*rows, *spans])


def _under(heading: str, text: str) -> str:
    return f"{heading}: {text}" if heading else text


def _named(heading: str) -> set[str]:
    return set(stems(heading.rpartition(">")[2]))


def _told(item: str, said: set[str]) -> bool:
    """Tell whether the label of an item, or most of its words, are among those said."""
    words, label = set(stems(item)), LABEL.match(item)
    return len(words & said) >= TOLD * len(words) or bool(label and set(stems(label[0])) <= said)
