"""The baseline is the tutorials' pipeline, word for word, on the product's model and passages."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_models import FakeChat, chosen
from fakes import FakeEmbedder, settings_in

from bot.evaluation import baseline
from bot.evaluation.datasets import over
from bot.session import Bot
from bot.trace import Answer

FAR, NEAR, NEARER = "Telephones ring.", "Apples grow on trees in many climates.", "Apples grow."


def ask(folder: Path, chat: FakeChat, window: int = 4096) -> Answer:
    settings = settings_in(folder, top_k=2, max_tokens=20)
    retriever = over([FAR, NEAR, NEARER], FakeEmbedder().real)
    bot = Bot(settings, retriever, chosen(chat, window=window))
    return baseline.answer(bot, "Where do apples grow?", "q")


def test_it_asks_with_the_nearest_passages_by_cosine_alone(tmp_path: Path) -> None:
    chat = FakeChat(replies=[["On ", "trees."]])
    found = ask(tmp_path, chat)
    assert (found.answer, found.abstained, found.sentences) == ("On trees.", False, [])
    ((message,),) = chat.calls
    assert message.content == (
        "Use the following pieces of context to answer the question at the end. If you don't know "
        "the answer, just say that you don't know, don't try to make up an answer.\n\n"
        f"{NEARER}\n\n{NEAR}\n\nQuestion: Where do apples grow?\nHelpful Answer:"
    )
    assert [passage.n for passage in found.passages] == [1, 2]
    assert found.prompt == [{"role": "human", "content": message.content}]
    assert found.tokens.completion == 2 and found.timings_ms["total"] > 0


def test_what_does_not_fit_the_window_is_left_out(tmp_path: Path) -> None:
    chat = FakeChat(replies=[["On trees."]])
    found = ask(tmp_path, chat, window=70)
    assert [passage.text for passage in found.passages] == [NEARER]
    assert NEAR not in str(chat.calls[0][0].content)


@pytest.mark.parametrize(
    ("draft", "refused"),
    [
        ("I don't know.", True),
        ("I’m sorry, but I do not actually know the answer.", True),
        ("The year is not mentioned in the passage.", True),
        ("There is no information about this.", True),
        ("The provided context does not contain the answer.", True),
        ("", True),
        ("1804", False),
        ("They do not travel well.", False),
        ("In 1804. I don't know more.", False),
    ],
)
def test_a_refusal_in_words_is_told_by_the_first_sentence(draft: str, refused: bool) -> None:
    assert baseline.refuses(draft) is refused
