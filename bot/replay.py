"""`whybot replay FILE`: the turn of a receipt once more, here and now, and what changed.

Runs, compares and prints. The receipt decides what its answer depends on, but the corpus, the
index and the embedder that made it are those of this folder.
"""

from __future__ import annotations

import difflib
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot import citations, models, receipt
from bot.ask import Status
from bot.exits import ANSWERED
from bot.receipt import Corpus, Model, NotAReceipt, Receipt
from bot.trace import Answer, Passage, Resolved
from ingest import weights
from ingest.errors import SettingError
from ingest.settings import Settings

NEAR = 0.001  # scores that differ by no more are the same
DIGITS = 12  # of a hash, for people


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was; None: it was not there, or is not any more."""

    what: str
    then: Any
    now: Any
    lines: tuple[str, ...]  # for people


def replay(here: Settings, path: Path, model: str | None, as_json: bool) -> int:
    """Answer a receipt's question again and print what changed on stdout.

    model: what answers instead of the receipt's model. Raises NotAReceipt and what opening raises.
    """
    then = receipt.read(path)
    now = _again(then, settings_of(then, here, model, path))
    changes = [*compare(then, now)]
    same_prompt = then.answer.prompt == now.answer.prompt
    was, took = (round(one.answer.timings_ms["total"] / 1000, 1) for one in (then, now))
    if as_json:
        found = {
            "receipt": str(path),
            "unchanged": not changes,
            "changes": [{"what": c.what, "then": c.then, "now": c.now} for c in changes],
            "same_prompt": same_prompt,
            "seconds": {"then": was, "now": took},
            "now": now,
        }
        print(json.dumps(found, ensure_ascii=False, indent=2, default=asdict))
        return ANSWERED
    for change in changes:
        print(*change.lines, sep="\n")
    if not changes:
        print("nothing changed")
    elif same_prompt:
        print("prompt: the same")
    print(f"seconds: {was} then, {took} now")
    return ANSWERED


def settings_of(then: Receipt, here: Settings, model: str | None, path: Path) -> Settings:
    """Return the settings here with the receipt's over them.

    Raises SettingError for values that are out of range now, and for a model that is a provider's:
    a file that somebody sent must not send the documents here to anybody.
    """
    wanted = model or then.settings.model
    if wanted != plain(wanted):
        raise NotAReceipt(f"{path} names no model but {plain(wanted)!r}.", receipt.MEND)
    if models.remote(wanted) and wanted not in (model, here.model):
        raise SettingError(
            f"The receipt's model {wanted} is a provider's: the question and the passages of your "
            "documents would be sent there.",
            f"whybot replay --model {shlex.quote(wanted)} {shlex.quote(str(path))}",
        )
    # The embedder has to be the one that made the index here.
    theirs = {**asdict(then.settings), "embedder": here.embedder, "model": wanted}
    return Settings.read({}, **{**vars(here), **theirs})


def _again(then: Receipt, settings: Settings) -> Receipt:
    from bot.answer import answer
    from bot.start import open_bot

    status = Status(sys.stderr)
    with weights.progress_bar() as progress, open_bot(settings, progress, status.say) as bot:
        status.say(f"{bot.chosen.name} ({bot.chosen.why})")
        for note in bot.chosen.notes:
            status.say(f"note: {note}")
        status.say(f"asked {plain(then.date)}: {plain(then.answer.question)}")
        turned = then.answer.knobs
        for event in answer(bot, then.answer.question, then.history, knobs=turned):
            if isinstance(event, Answer):
                last = event
            elif isinstance(event, Resolved):
                event = Resolved(plain(event.question))
            status.show(event)
        now = receipt.of(bot, last, then.history)
    status.clear()
    return now


def plain(text: object) -> str:
    """Write a value in one line that moves no cursor: a receipt may be a stranger's."""
    line = " ".join(str(text).split())
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line)


# --- what changed


def compare(then: Receipt, now: Receipt) -> Iterator[Change]:
    """Yield what is not as it was: first what an answer depends on, then how it came about."""
    yield from _differ("whybot", then.whybot, now.whybot)
    yield from _differ("model", then.model, now.model, _model)
    for name in {**then.embedder, **now.embedder}:
        yield from _differ(f"index {name}", then.embedder.get(name), now.embedder.get(name))
    yield from _differ("corpus", then.corpus, now.corpus, _corpus)
    settings = asdict(now.settings)
    for name, value in asdict(then.settings).items():
        yield from _differ(f"setting {name}", value, settings[name])
    was, is_ = then.answer, now.answer
    yield from _differ("turned", was.knobs, is_.knobs, lambda knobs: knobs and knobs.told)
    yield from _differ("window of the model", was.tokens.window, is_.tokens.window)
    yield from _differ("understood as", was.resolved_question, is_.resolved_question)
    yield from _passages(was.passages, is_.passages)
    if was.prompt != is_.prompt:
        yield Change("prompt", was.prompt, is_.prompt, ("prompt: not the same",))
    yield from _differ("abstained", was.abstained, is_.abstained, lambda no: "yes" if no else "no")
    if was.abstained != is_.abstained:
        yield from _differ("why", was.gate.reason, is_.gate.reason)
    if was.answer != is_.answer:
        diff = difflib.unified_diff(_sentences(was), _sentences(is_), "then", "now", lineterm="")
        yield Change("answer", was.answer, is_.answer, ("answer:", *diff))
    elif was.draft != is_.draft:
        yield Change("draft", was.draft, is_.draft, ("draft: not the same, but the answer is",))


def _differ(
    what: str, then: Any, now: Any, show: Callable[[Any], object] = lambda value: value
) -> Iterator[Change]:
    if then != now:
        line = f"{what}: {plain(show(then))} then, {plain(show(now))} now"
        yield Change(what, then, now, (line,))


def _model(model: Model) -> str:
    return f"{model.name} ({model.digest[:DIGITS] if model.digest else 'digest not known'})"


def _corpus(corpus: Corpus) -> str:
    return f"{corpus.sha256[:DIGITS]} ({corpus.documents} documents, {corpus.chunks} chunks)"


def _passages(then: Sequence[Passage], now: Sequence[Passage]) -> Iterator[Change]:
    """Compare passages that are the same text of the same document, wherever it stands there."""
    old = {(passage.document, passage.text): passage for passage in then}
    new = {(passage.document, passage.text): passage for passage in now}
    for key, passage in old.items():
        if key not in new:
            yield Change("passage went", passage, None, (f"passage went: {_passage(passage)}",))
    for key, passage in new.items():
        if key not in old:
            yield Change("passage came", None, passage, (f"passage came: {_passage(passage)}",))
            continue
        was = old[key]
        source = plain(passage.source)
        yield from _differ(f"rank of {source}", was.n, passage.n)
        if round(abs(was.score - passage.score), 6) > NEAR:
            yield from _differ(f"score of {source}", was.score, passage.score)


def _passage(passage: Passage) -> str:
    return f"[{passage.n}] {plain(passage.source)} (score {passage.score:.4f})"


def _sentences(answer: Answer) -> list[str]:
    written = [citations.marked(sentence) for sentence in answer.sentences]
    return [plain(sentence) for sentence in written or [answer.answer]]
