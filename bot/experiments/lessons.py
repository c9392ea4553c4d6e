"""What a comparison shows of retrieval and of doing without, in sentences made of its numbers.

Where the numbers bear out a finding, the sentences that `lessons.json` names for it are quoted, as
far as the documents of the index hold them. Where the numbers do not, nothing is quoted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from pathlib import Path

from bot.experiments.comparison import Column, Lesson, Quote, Way
from ingest.index import IndexedChunk

KNOWN = 0.5  # of a prompt; from here on its time says little of what reading the passages takes


class Finding(Enum):
    """What the numbers can bear out, as `lessons.json` names it."""

    FASTER = "without retrieval the answer is there sooner"
    BETTER = "retrieval brings more that the passages state"
    LATER = "retrieval delays the first word"
    SLOWER = "retrieval delays the first word and the last"
    DEPENDENT = "wrong passages make the answer worse"


def lessons(columns: Mapping[Way, Column], chunks: Sequence[IndexedChunk]) -> dict[Way, Lesson]:
    """Say of each column what it shows, quoting the chunks where they say it too."""
    bare, found, wrong = (columns[way] for way in Way)
    begins, ends = sooner(bare, found), bare.total < found.total
    late = [Finding.SLOWER if ends else Finding.LATER] * begins
    texts = {
        Way.BARE: (_bare(bare, found), [Finding.FASTER] * (begins and ends)),
        Way.FOUND: (_found(found), [Finding.BETTER] * knows_more(found, bare) + late),
        Way.WRONG: (_wrong(wrong, found), [Finding.DEPENDENT] * depends(wrong, found)),
    }
    return {
        way: Lesson(
            text,
            [
                place
                for finding in findings
                for sentence in sentences()[finding]
                if (place := quote(sentence, chunks))
            ],
            _gate(wrong) if way is Way.WRONG else "",
        )
        for way, (text, findings) in texts.items()
    }


@cache
def sentences() -> dict[Finding, list[str]]:
    """Return the sentences of the sample documents that state a finding."""
    stated = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
    return {Finding(name): texts for name, texts in stated.items()}


def quote(text: str, chunks: Sequence[IndexedChunk]) -> Quote | None:
    """Find a sentence in the documents of the index, word for word."""
    for chunk in chunks:
        at = chunk.text.find(text)
        if at >= 0:
            start = chunk.start + at
            return Quote(chunk.document, start, start + len(text), text)
    return None


# --- what the numbers bear out


def sooner(bare: Column, found: Column) -> bool:
    """Tell whether the first word came sooner without, where that was put to the test."""
    both = bare.first is not None and found.first is not None and bare.first < found.first
    return both and not remembered(found)


def remembered(found: Column) -> bool:
    """Tell whether the engine had read most of the prompt before this run."""
    return (found.cached or 0) >= KNOWN * found.prompt_tokens > 0


def knows_more(found: Column, bare: Column) -> bool:
    """Tell whether retrieval brought a larger share of sentences that the passages state."""
    return _share(found) > _share(bare)


def depends(wrong: Column, found: Column) -> bool:
    """Tell whether wrong passages made the answer a worse one, by what the found ones state."""
    return not wrong.refused and bool(wrong.claims) and _share(wrong) < _share(found)


def _share(column: Column) -> float:
    if column.refused or not column.claims:
        return 0.0
    return column.supported / len(column.claims)


# --- in words


def _bare(bare: Column, found: Column) -> str:
    if bare.refused:
        said = "It says itself that it cannot answer"
    elif not bare.claims:
        said = "It states nothing that could be checked"
    elif bare.supported == len(bare.claims):
        said = f"{_all(bare)} in the passages found, though it saw none of them"
    else:
        said = f"{_part(bare, len(bare.claims) - bare.supported)} in no passage found"
    return f"{said}{_pace(bare, found)}."


def _pace(bare: Column, found: Column) -> str:
    if bare.first is None:
        return ""
    words = f"; its first word came after {bare.first:.1f} s"
    if found.first is not None and not remembered(found):
        gap = found.first - bare.first
        words += f", {abs(gap):.1f} s {'sooner' if gap > 0 else 'later'} than with retrieval"
    return f"{words}, its last after {bare.total:.1f} s"


def _found(found: Column) -> str:
    withheld = sum(said.withheld for said in found.said)
    more = f"; {withheld} more {_was(withheld)} withheld" if withheld else ""
    if found.refused:
        why = f": {found.gate.reason}" if found.gate and not found.gate.passed else ""
        said = f"The bot did not answer{more}{why}"
    elif not found.claims:
        said = f"It states nothing that could be checked{more}"
    elif found.supported == len(found.claims):
        said = f"{_all(found)} in the passages found{more}"
    else:
        said = f"{_part(found, len(found.claims) - found.supported)} in no passage found{more}"
    if found.first is None:
        return f"{said}; it took {found.total:.1f} s to find that out."
    came = (
        f"; its first word came after {found.first:.1f} s, {found.search:.2f} s of it to search "
        f"and the rest to read {found.prompt_tokens} tokens and to judge whether they answer"
    )
    if remembered(found):
        came += (
            f"; but {found.cached} of those were still known from a question before, so that this "
            "run does not show how long reading takes"
        )
    return f"{said}{came}."


def _wrong(wrong: Column, found: Column) -> str:
    if not wrong.passages:
        return "The index holds no passage that was not found: there are no wrong ones to give."
    if wrong.refused:
        return "The model says itself that it cannot answer from these: it was not misled."
    if not wrong.claims:
        return "It states nothing that could be checked."
    led = sum(bool(s.given and s.given.supported) for s in wrong.claims if not s.sentence.supported)
    own = len(wrong.claims) - wrong.supported - led
    if not led and not own:
        return f"{_all(wrong)} in the passages found as well: the wrong ones did not mislead it."
    parts = []
    if led:
        parts.append(f"{_part(wrong, led)} in the wrong passages and not in those found")
    if own:
        parts.append(f"{_part(wrong, own)} neither in the wrong passages nor in those found")
    if depends(wrong, found):
        parts.append(
            f"with the passages found, {found.supported} of {len(found.claims)} stand there"
        )
    return f"{'; '.join(parts)}."


def _gate(wrong: Column) -> str:
    if wrong.gate is None or not wrong.passages:
        return ""
    gate = wrong.gate
    why = gate.reason
    if gate.answerable is None and not gate.passed:  # stopped by the scores alone
        why = f"the best of these passages scores {gate.best:.2f}, and {gate.threshold} is needed"
    if gate.passed:
        return (
            f"The bot's gate would have let these passages through: {why}. It cannot tell that "
            "better ones exist."
        )
    return f"The bot itself would have refused: {why}."


def _all(column: Column) -> str:
    count = len(column.claims)
    if count == 1:
        return "Its one sentence stands"
    return "Both of its sentences stand" if count == 2 else f"All {count} of its sentences stand"


def _part(column: Column, part: int) -> str:
    if part == len(column.claims):
        return _all(column)
    return f"{part} of its {len(column.claims)} sentences {'stands' if part == 1 else 'stand'}"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
