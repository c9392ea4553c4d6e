"""`whybot replay FILE`: the turn of a receipt once more, here and now, and what changed.

The receipt gives the question, the settings and the model. The corpus, the index and the embedder
are those of this folder.
"""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

from bot.cli.ask import Status
from bot.cli.shell import ANSWERED
from bot.llm import providers
from bot.records import receipt, receipt_file
from bot.records.receipt import NotAReceipt, Receipt
from bot.records.replay import differences, one_line
from bot.trace import Answer, Rewritten, plain
from ingest import weights
from ingest.errors import SettingError
from ingest.settings import Settings


def replay(here: Settings, path: Path, model: str | None, as_json: bool) -> int:
    """Answer a receipt's question again and print what changed on stdout.

    model: what answers instead of the receipt's model. Raises NotAReceipt and what opening raises.
    """
    then = receipt_file.read(path)
    now = _again(then, settings_of(then, here, model, path))
    changes = [*differences(then, now)]
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
        print(json.dumps(found, ensure_ascii=False, indent=2, default=plain))
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
    if wanted != one_line(wanted):
        raise NotAReceipt(f"{path} names no model but {one_line(wanted)!r}.", receipt.MEND)
    if providers.remote(wanted) and wanted not in (model, here.model):
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
    from bot.session import open_bot

    status = Status(sys.stderr)
    with weights.progress_bar() as progress, open_bot(settings, progress, status.say) as bot:
        status.say(f"{bot.chosen.name} ({bot.chosen.why})")
        for note in bot.chosen.notes:
            status.say(f"note: {note}")
        status.say(f"asked {one_line(then.date)}: {one_line(then.answer.question)}")
        turned = then.answer.parameters
        for event in answer(bot, then.answer.question, then.history, parameters=turned):
            if isinstance(event, Answer):
                last = event
            elif isinstance(event, Rewritten):
                event = Rewritten(one_line(event.question))
            status.show(event)
        now = receipt.of(bot, last, then.history)
    status.clear()
    return now
