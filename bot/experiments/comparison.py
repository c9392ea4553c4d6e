"""What a comparison of ways to answer is made of, and what each of them says alone.

Data and pure functions; `compare` fills them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from bot.path.evidence import VERBATIM
from bot.path.words import negates, stems
from bot.trace import Event, Gate, Passage, Sentence
from bot.verify import grounding

if TYPE_CHECKING:
    from bot.path.evidence import Embed

# The cosine from which two sentences of two answers are taken to say the same. Different statements
# of the seed document reach .61; the same ones in other words have .23 to .75, so that a lower
# cosine tells nothing, and what they rest on is looked at first.
COUNTERPART = 0.65


class Way(Enum):
    """How the question is answered."""

    BARE = "without documents"
    FOUND = "with retrieval"
    WRONG = "with wrong passages"


ALONE = {  # what is said of a sentence that stands alone
    Way.BARE: "nothing like it in column 2",
    Way.FOUND: "nothing like it in columns 1 and 3",
    Way.WRONG: "nothing like it in column 2",
}


@dataclass(frozen=True)
class Said:
    """A sentence that one way wrote, and what became of it."""

    sentence: Sentence  # checked against the passages that retrieval found
    given: Sentence | None = None  # checked against the wrong passages, where those were given
    withheld: bool = False  # the bot took it out
    alone: bool = False  # the bot says nothing like it; of the bot's, that no other way does

    @property
    def refusal(self) -> bool:
        """Tell whether it only says that the passages do not hold the answer."""
        return not self.sentence.supported and grounding.refuses(self.sentence.text)

    @property
    def claim(self) -> bool:
        """Tell whether it states anything that could be supported."""
        return not self.refusal and bool(stems(self.sentence.text))


@dataclass(frozen=True)
class Column:
    """What one way came to."""

    way: Way
    passages: list[Passage]  # before the model
    draft: str
    said: list[Said]
    refused: bool  # it says that it cannot answer, or says nothing
    prompt_tokens: int
    cached: int | None  # of those read first, how many were known from before; None: not told
    search: float  # seconds
    first: float | None  # seconds to the first word; None: there was none
    written: float  # seconds to the last word
    total: float  # seconds, with whatever the bot itself checks
    gate: Gate | None = None  # what the bot says of its passages
    reply: str = ""  # the bot's own answer, where this is its path

    @property
    def claims(self) -> list[Said]:
        """Return the sentences that state something and were not withheld."""
        return [said for said in self.said if said.claim and not said.withheld]

    @property
    def supported(self) -> int:
        """Count the claims that the passages found state."""
        return sum(said.sentence.supported for said in self.claims)


@dataclass(frozen=True)
class Quote:
    """A sentence of a document of the index, and where it stands."""

    document: str
    start: int  # characters of the document's text
    end: int
    text: str


@dataclass(frozen=True)
class Lesson:
    """What the numbers of one column show, and what a document says of the same."""

    text: str
    quotes: list[Quote] = field(default_factory=list)
    bot: str = ""  # what the bot itself would have made of wrong passages


@dataclass(frozen=True)
class Compared:
    """The last step: all three, with what each says alone and what it shows."""

    question: str
    columns: dict[Way, Column]
    lessons: dict[Way, Lesson]


@dataclass(frozen=True)
class Step:
    """What happened on one way: an event of the answer path, or all that it came to."""

    way: Way
    event: Event | Column


def apart(columns: Sequence[Column], embed: Embed) -> list[Column]:
    """Tell what each column says alone: the bot's against the other two, those against the bot's.

    Where the bot did not answer there is nothing to tell.
    """
    claims = {column.way: column.claims for column in columns}
    ours, others = claims[Way.FOUND], claims[Way.BARE] + claims[Way.WRONG]
    told = []
    for column in columns:
        rivals = others if column.way is Way.FOUND else ours
        lonely = iter(unlike(column.claims, rivals, embed) if ours else ())
        said = [
            replace(one, alone=one.claim and not one.withheld and next(lonely, False))
            for one in column.said
        ]
        told.append(replace(column, said=said))
    return told


def unlike(claims: Sequence[Said], rivals: Sequence[Said], embed: Embed) -> list[bool]:
    """Tell of each claim whether no rival has been seen to say the same."""
    if not claims or not rivals:
        return [True] * len(claims)
    one, two = ([said.sentence.text for said in side] for side in (claims, rivals))
    cosines = (embed(one) @ embed(two).T).tolist()
    return [
        not any(same(claim, rival, cosine) for rival, cosine in zip(rivals, row, strict=True))
        for claim, row in zip(claims, cosines, strict=True)
    ]


def same(claim: Said, rival: Said, cosine: float) -> bool:
    """Tell whether two claims rest on the same sentence, or say the same in words or meaning."""
    one, two = claim.sentence, rival.sentence
    if _rests_on(one, two) or _rests_on(two, one):
        return True
    if negates(one.text) != negates(two.text):
        return False
    return cosine >= COUNTERPART or holds(one.text, two.text) or holds(two.text, one.text)


def _rests_on(one: Sentence, two: Sentence) -> bool:
    """Tell whether one rests on the sentence that two rests on, or that two says among others."""
    if not (one.supported and two.supported and one.evidence):
        return False
    return one.evidence == two.evidence or holds(two.text, one.evidence.words)


def holds(text: str, part: str) -> bool:
    """Tell whether a text has nearly all words of another."""
    words = set(stems(part))
    return len(words & set(stems(text))) >= VERBATIM * max(len(words), 1)
