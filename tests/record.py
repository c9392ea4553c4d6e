"""Record what the real models reply to the gold set of the seed document (see `recording`).

Usage: .venv/bin/python tests/record.py [--fresh] [--threads N]

A question whose prompts are all on its tape is answered from there; the model is asked the others,
about ten seconds each. Interrupted, it goes on where it was. The answers are written as they come
out now: look at the difference before you commit it.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from recording import (
    GOLD,
    REPLIES,
    NotRecorded,
    Recording,
    Tape,
    TapedChat,
    TapedEmbedder,
    outcome,
    seed_settings,
)

from bot.about.search import About
from bot.evaluation.answers import ask
from bot.evaluation.datasets import Question, read_questions
from bot.llm.providers import open_model
from bot.path.retrieval import Retriever
from bot.session import Bot
from ingest import library, weights
from ingest.embedder import Embedder
from ingest.index import Index
from ingest.settings import Settings
from ingest.sync import fingerprint

MODEL = "qwen2.5-coder-1.5b"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--fresh", action="store_true", help="ask the model every question")
    parser.add_argument("--threads", type=int, default=0, help="of the model; 0: one a core")
    args = parser.parse_args()
    questions = read_questions(GOLD)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = replace(seed_settings(folder), threads=args.threads)
        embedder = Embedder.open(settings)
        held = None if args.fresh or not REPLIES.exists() else Recording.read()
        recording = blank(embedder, held)
        taped = recording.embedder.real
        library.ingest(settings, taped)
        retriever = Retriever(stack.enter_context(Index.read(settings, fingerprint(taped))), taped)
        if held and held.digest == recording.digest:
            for one in questions:
                with suppress(NotRecorded):  # replies follow one another: all of them, or none
                    record(recording, one, Bot(settings, retriever, held.chosen(one.id), About()))
        missing = [one for one in questions if one.id not in recording.tapes]
        print(f"{len(questions) - len(missing)} are recorded, {len(missing)} are asked.")
        chosen = stack.enter_context(open_model(settings)) if missing else None
        for one in missing:
            assert chosen
            said = record(recording, one, Bot(settings, retriever, chosen, About()))
            print(f"{one.id}: {one.question} -> {said[:60]!r}", flush=True)
            recording.write()
        recording.tapes = {one.id: recording.tapes[one.id] for one in questions}
        recording.write()


def blank(embedder: Embedder, held: Recording | None) -> Recording:
    """Begin a recording; what an earlier one embedded with these weights is taken from there."""
    name, revision = embedder.name, embedder.revision
    if held and held.embedder.revision == revision:
        held.embedder.behind = embedder
        embedder = held.embedder.real
    taped = TapedEmbedder(name, revision, embedder.chunk_tokens, behind=embedder)
    digest = weights.MODELS[MODEL].files[0].sha256
    return Recording(MODEL, digest, Settings().window, taped)


def record(recording: Recording, question: Question, bot: Bot) -> str:
    """Write an answer and all that is said on the way to it onto a new tape."""
    tape = Tape()
    model = TapedChat(tape=tape, behind=bot.chosen.model)
    found = ask(replace(bot, chosen=replace(bot.chosen, model=model)), question)
    tape.answer = outcome(found)
    recording.tapes[question.id] = tape
    return found.answer


if __name__ == "__main__":
    main()
