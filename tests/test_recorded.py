"""The gold set of the seed document, on recorded replies of the real models.

What the models replied is in tests/recorded/, and everything else here is the product: no weights,
and the same result on every machine. If one of these fails because the answer path was meant to
change, `.venv/bin/python tests/record.py` records anew; the difference is what the change did.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from recording import GOLD, NotRecorded, Recording, TapedChat, outcome, seed_settings

from bot.about.search import About
from bot.answer import answer
from bot.evaluation import report
from bot.evaluation.answers import ask
from bot.evaluation.datasets import read_questions
from bot.path.retrieval import Retriever
from bot.session import Bot
from bot.trace import Answer
from ingest import library, weights
from ingest.index import Index
from ingest.sync import fingerprint

QUESTIONS = {question.id: question for question in read_questions(GOLD)}
RIGHT, OVER_REFUSED, REFUSED = 42, 2, 23  # of 44 answerable and 23 others, as recorded
JSON_NAMES = {
    "id", "question", "resolved_question", "answer", "abstained", "sentences", "passages", "model",
    "tokens", "timings_ms", "gate",
}  # fmt: skip
PASSAGE_NAMES = {"n", "document", "heading", "page", "start", "end", "score", "text"}


class Replay:
    """A bot that answers each question of the set from its tape, once."""

    def __init__(self, recording: Recording, bot: Bot) -> None:
        self.recording, self._bot = recording, bot
        self.answer = cache(self._answer)

    def bot(self, id: str) -> Bot:
        """Return the bot with the tape of a question."""
        return Bot(
            self._bot.settings, self._bot.retriever, self.recording.chosen(id), self._bot.itself
        )

    def _answer(self, id: str) -> Answer:
        return ask(self.bot(id), QUESTIONS[id])

    def lines(self) -> list[dict[str, Any]]:
        """Return all answers as `whybot eval` stores them."""
        return [
            {
                "system": "whybot",
                "kind": one.kind,
                "answers": [list(group) for group in one.answers],
                "answerable": one.answerable,
                "result": json.loads(json.dumps(self.answer(one.id).to_json())),
            }
            for one in QUESTIONS.values()
        ]


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    recording = Recording.read()
    settings, embedder = seed_settings(tmp_path_factory.mktemp("seed")), recording.embedder.real
    library.ingest(settings, embedder)
    with Index.read(settings, fingerprint(embedder)) as index:
        chosen = recording.chosen("")
        yield Replay(recording, Bot(settings, Retriever(index, embedder), chosen, About()))


def test_the_set_is_large_and_mixed() -> None:
    assert len(QUESTIONS) == 67
    kinds = {question.kind for question in QUESTIONS.values()}
    assert kinds == {
        "direct", "paraphrase", "comparison", "follow-up", "on-topic", "off-topic", "instruction",
    }  # fmt: skip


def test_the_recording_is_of_the_pinned_models(replay: Replay) -> None:
    recording = replay.recording
    assert recording.digest == weights.MODELS[recording.model].files[0].sha256
    assert recording.embedder.revision == weights.MODELS[recording.embedder.name].revision
    assert [*recording.tapes] == [*QUESTIONS]


@pytest.mark.parametrize("id", QUESTIONS)
def test_the_answer_is_the_recorded_one(replay: Replay, id: str) -> None:
    found = replay.answer(id)
    assert outcome(found) == replay.recording.tapes[id].answer
    assert found.passages, "the nearest are shown with a refusal too"
    assert found.invalid_citations == []
    numbers = {passage.n for passage in found.passages}
    for sentence in found.sentences:
        assert sentence.supported
        assert 0 < sentence.support <= 1
        assert set(sentence.citations) <= numbers
    if QUESTIONS[id].kind in ("off-topic", "instruction"):
        assert (found.prompt, found.tokens.completion) == ([], 0), "the model is not asked"
        assert replay.recording.tapes[id].replies == {}


def test_so_many_are_right_and_refused(replay: Replay) -> None:
    scored = [report.scored(line) for line in replay.lines()]
    answerable = [one for one in scored if one.answerable]
    assert len(answerable) == 44
    assert sum(bool(one.right) for one in answerable) == RIGHT
    assert sum(one.refused for one in answerable) == OVER_REFUSED
    assert sum(one.refused for one in scored if not one.answerable) == REFUSED
    assert report.answers(replay.lines())["whybot"]["invalid_citations"] == 0


def test_the_json_has_the_promised_names(replay: Replay) -> None:
    for line in replay.lines():
        row = line["result"]
        assert row.keys() >= JSON_NAMES
        assert row["tokens"].keys() >= {"prompt", "completion", "window"}
        assert all(passage.keys() >= PASSAGE_NAMES for passage in row["passages"])
        assert all(sentence.keys() >= {"text", "citations"} for sentence in row["sentences"])


def test_what_was_not_recorded_is_not_made_up(replay: Replay) -> None:
    with pytest.raises(NotRecorded, match=r"tests/record\.py"):
        [*answer(replay.bot("seed-01"), "Why does RAG exist at all?")]
    model = replay.recording.chosen("seed-01").model
    assert isinstance(model, TapedChat)
    with pytest.raises(NotRecorded, match="Why\\?"):
        [*model.stream("Why?")]
