"""Receipts: both forms of the file, what is no receipt, and what a replay finds changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fake_believer import Believer, believing
from fake_models import chosen
from fakes import FakeEmbedder

from bot.answer import answer
from bot.cli.replay import settings_of
from bot.evaluation.datasets import over
from bot.records import receipt, receipt_file, receipt_html
from bot.records.receipt import FORMAT, Corpus, InForce, Model, NotAReceipt, Receipt
from bot.records.replay import Change, differences
from bot.session import Bot
from bot.trace import Answer, Dropped, Evidence, Tokens, Turn
from ingest.errors import SettingError
from ingest.settings import Settings

QUESTION = "What does RAG add?"
TEXTS = ["RAG adds latency. It needs a vector store.", "Fine-tuning adds RAG costs of training."]
EVIL = (
    "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>"
    "\"' &lt; ${a} \u2028 \\u003c [1]"
)
HISTORY = [Turn("What is RAG?", "Retrieval.")]


def made(
    draft: str = "RAG adds latency.",
    answerable: float = 0.95,
    rewritten: str = "",
    question: str = QUESTION,
    texts: Sequence[str] = TEXTS,
    history: Sequence[Turn] = (),
    who: dict[str, Any] | None = None,
    revision: str = "1",
    **settings: Any,
) -> Receipt:
    """Answer a question over some texts, each a document, and make the receipt."""
    beliefs = {"answerable": answerable}
    model = Believer(draft=draft, rewritten=rewritten, beliefs=beliefs)
    retriever = over(texts, FakeEmbedder(revision=revision).real)
    bot = Bot(Settings(**settings), retriever, believing(model, **(who or {})))
    *_, last = answer(bot, question, history)
    assert isinstance(last, Answer)
    return receipt.of(bot, last, history)


def saved(kept: Receipt, path: Path) -> Receipt:
    receipt_file.write(kept, path)
    return receipt_file.read(path)


def found(then: Receipt, now: Receipt) -> dict[str, Change]:
    """Compare two receipts; times are no changes."""
    changes = [*differences(then, now)]
    assert len({change.what for change in changes}) == len(changes)
    return {change.what: change for change in changes}


class Elements(HTMLParser):
    """Note the elements and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


# --- what it holds


def test_a_receipt_holds_what_the_answer_depends_on() -> None:
    who = {"setting": "embedded", "listed": "ab" * 32}
    kept = made(who=who, history=HISTORY, model="auto", top_k=3, window=2048)
    assert kept.format == FORMAT
    assert kept.settings == InForce("embedded", "all-MiniLM-L6-v2", 3, 2048, 400, "strict")
    assert kept.model == Model("fake", "ab" * 32)
    assert kept.embedder["embedder"] == "fake"
    assert kept.embedder.keys() == {"embedder", "revision", "reader", "chunker", "chunk_tokens"}
    assert kept.history == HISTORY
    assert kept.answer.answer == "RAG adds latency. [1]"
    assert kept.to_json()["answer"] == kept.answer.to_json()
    assert datetime.fromisoformat(kept.date).utcoffset() is not None


def test_the_corpus_hash_is_what_sha256sum_makes_of_the_documents() -> None:
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in TEXTS]
    lines = "".join(f"{digest}  context-{n}\n" for n, digest in enumerate(digests, 1))
    expected = Corpus(hashlib.sha256(lines.encode()).hexdigest(), 2, 2)
    assert made().corpus == expected
    rows = over(TEXTS, FakeEmbedder().real).chunks()
    twice = [*reversed(rows), replace(rows[0], id="another chunk of it")]
    assert receipt.corpus(twice) == replace(expected, chunks=3), "neither order nor cut matters"


def test_a_gguf_file_is_hashed_and_hashed_again_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"one")
    who = chosen(Believer(), file=path)
    assert who.digest == hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"another")
    assert who.digest == hashlib.sha256(b"another").hexdigest()
    path.unlink()
    assert who.digest is None
    assert chosen(Believer()).digest is None


# --- both forms


@pytest.mark.parametrize("ending", [".json", ".html", ".HTML"])
def test_a_receipt_is_read_as_it_was_written(tmp_path: Path, ending: str) -> None:
    for kept in (made(history=HISTORY), hostile(made()), hostile(made(), "größer 日本 🙂\0\r\n")):
        assert saved(kept, tmp_path / f"r{ending}") == kept


def test_an_abstention_has_a_receipt_too(tmp_path: Path) -> None:
    kept = made(question="zebra crossing")
    assert kept.answer.abstained and kept.answer.prompt == []
    assert saved(kept, tmp_path / "r.html") == kept
    assert "The model was not asked" in receipt_html.page(kept)


def test_the_page_shows_all_of_it() -> None:
    kept = made(history=HISTORY, who={"notes": ("a note",), "listed": "ab" * 32})
    text = Elements(receipt_html.page(kept)).text
    shown = [
        QUESTION,
        "RAG adds latency. [1]",
        "a note",
        *TEXTS,
        "What is RAG?",
        kept.corpus.sha256,
        "ab" * 32,
        kept.whybot,
        kept.date,
        "You answer questions from the passages",
        "whybot replay FILE",
    ]
    for passage in kept.answer.passages:
        shown += [f"score {passage.score:.4f}", f"BM25 {passage.bm25:.4f}", passage.document]
    for part in [*shown, *kept.answer.timings_ms, *asdict(kept.settings)]:
        assert part in text.split('{"format"')[0], part
    assert '<a href="#p1">[1]</a>' in receipt_html.page(kept)
    assert 'id="p1" class=cited' in receipt_html.page(kept)


def test_the_page_needs_nothing_and_runs_nothing() -> None:
    page = Elements(receipt_html.page(made()))
    scripts = [attrs for tag, attrs in page.tags if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "receipt"}]
    assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "form", "base"}
    for _, attrs in page.tags:
        assert "src" not in attrs and not any(name.startswith("on") for name in attrs)
        assert (attrs.get("href") or "#").startswith("#")
    assert "url(" not in receipt_html.STYLE and "@import" not in receipt_html.STYLE
    assert "prefers-color-scheme: dark" in receipt_html.STYLE


def test_no_text_becomes_markup() -> None:
    tame = made(history=HISTORY)
    given = replace(
        hostile(tame), settings=replace(tame.settings, model=EVIL), model=Model(EVIL, EVIL)
    )
    html = receipt_html.page(given)
    as_it_was = Elements(receipt_html.page(with_texts(tame)))
    assert [tag for tag, _ in Elements(html).tags] == [tag for tag, _ in as_it_was.tags]
    assert "<script>alert" not in html and "<img" not in html
    assert html.count("</script>") == 1
    assert html.count("alert(1)") > 10, "the text itself is shown"


def hostile(kept: Receipt, text: str = EVIL) -> Receipt:
    """Put one text wherever a question, a document or a model may put any."""
    was = kept.answer
    passages = [
        replace(one, document=text, title=text, heading=text, text=text, id=text)
        for one in was.passages
    ]
    sentences = [
        replace(one, text=text, reason=text, evidence=Evidence(1, 0, 9, text))
        for one in was.sentences
    ]
    result = replace(
        was,
        question=text,
        resolved_question=f"{text} again",
        answer=text,
        passages=passages,
        sentences=sentences,
        withheld=sentences,
        dropped=[Dropped(passages[0], text)],
        draft=text,
        notes=[text],
        prompt=[{"role": text, "content": text}],
        gate=replace(was.gate, reason=text),
    )
    return replace(kept, answer=result, history=[Turn(text, text)])


def with_texts(kept: Receipt) -> Receipt:
    return hostile(kept, "a tame text [1]")


def test_a_mark_of_absurd_length_is_text() -> None:
    kept = made()
    mark = f"[{'1' * 5000}]"
    marked = replace(kept, answer=replace(kept.answer, answer=mark))
    assert mark in receipt_html.page(marked)


def test_the_link_of_the_page_carries_the_receipt() -> None:
    import base64

    kept = made()
    ((tag, attrs),) = [found for found in Elements(receipt_html.link(kept)).tags if found[0] == "a"]
    head, _, data = str(attrs["href"]).partition(",")
    assert (tag, head) == ("a", "data:text/html;base64")
    assert base64.b64decode(data).decode() == receipt_html.page(kept)
    assert attrs["download"] == f"receipt-{kept.answer.id}.html"


# --- writing


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("what was there")
    assert saved(made(), path).answer.question == QUESTION
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_that_cannot_be_written_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.json"
    path.write_text("what was there")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SettingError, match=r"r\.json cannot be written: No space left"):
        receipt_file.write(made(), path)
    assert path.read_text() == "what was there"
    assert [*tmp_path.iterdir()] == [path]


def test_a_folder_that_does_not_exist_is_found_before_any_work(tmp_path: Path) -> None:
    receipt_file.check_place(tmp_path / "r.html")
    with pytest.raises(SettingError, match="no folder") as caught:
        receipt_file.check_place(tmp_path / "my notes" / "r.html")
    assert caught.value.mend == f"mkdir -p '{tmp_path}/my notes'"
    (tmp_path / "r.html").mkdir()
    with pytest.raises(SettingError, match="cannot be written"):
        receipt_file.check_place(tmp_path / "r.html")


# --- what is no receipt


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no receipt",
        b"{",
        b"{}",
        b"[1]",
        b"3",
        b"\xff\xfe",
        b"{" + b'"a":[' * 100_000,
        b"<html>nothing</html>",
        b'<script id="receipt">{}</script>',
        b'<script id="receipt">[]</script>',
        b'{"format": 1, "answer": {"question": "alone"}}',
    ],
)
def test_what_is_no_receipt_is_said_in_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "r.html"
    path.write_bytes(data)
    with pytest.raises(NotAReceipt, match=r"r\.html") as caught:
        receipt_file.read(path)
    assert "\n" not in str(caught.value)
    assert caught.value.mend == receipt.MEND


def test_half_a_character_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps(hostile(made(), "\ud800").to_json()))
    with pytest.raises(NotAReceipt):
        receipt_file.read(path)
    receipt_file.write(
        hostile(made(), "\ud800"), path
    )  # what a shell's argument can hold is written as "?"
    assert receipt_file.read(path).answer.question == "?"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotAReceipt, match=r"ghost\.html cannot be read: No such file"):
        receipt_file.read(tmp_path / "ghost.html")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("settings", "top_k"), "many"),
        (("settings", "model"), None),
        (("corpus",), "sha"),
        (("history",), ["a question"]),
        (("answer", "passages"), [{}]),
        (("answer", "timings_ms"), {"total\n\x1b[2J": "long"}),
        (("format",), None),
    ],
)
def test_a_wrong_value_is_named(place: tuple[str, ...], value: Any) -> None:
    data = made().to_json()
    inner = data
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    with pytest.raises(NotAReceipt) as caught:
        Receipt.from_json(data)
    assert ".".join(place) in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_receipt_of_a_newer_form_is_refused() -> None:
    with pytest.raises(NotAReceipt, match="newer whybot"):
        Receipt.from_json({**made().to_json(), "format": FORMAT + 1})


def test_a_receipt_without_a_time_in_all_cannot_be_compared() -> None:
    data = made().to_json()
    del data["answer"]["timings_ms"]["total"]
    with pytest.raises(NotAReceipt, match="how long"):
        Receipt.from_json(data)


# --- the settings of a replay


def test_the_receipts_settings_win_and_those_of_the_folder_stay() -> None:
    then = made(who={"setting": "embedded:small"}, top_k=3, embedder="/elsewhere/model")
    here = Settings(
        index=Path("other"), model="ollama:x", top_k=7, window=8192, embedder="mine", threads=3
    )
    given = settings_of(then, here, None, Path("r.html"))
    assert given == replace(here, model="embedded:small", top_k=3, window=4096)
    assert settings_of(then, here, "ollama:y", Path("r.html")).model == "ollama:y"


def test_a_setting_that_is_out_of_range_now() -> None:
    then = made()
    then = replace(then, settings=replace(then.settings, top_k=99))
    with pytest.raises(SettingError, match="top_k is 99"):
        settings_of(then, Settings(), None, Path("r.html"))


def test_a_strangers_receipt_sends_the_documents_to_nobody() -> None:
    then = made(who={"setting": "openai:gpt"})
    with pytest.raises(SettingError, match="would be sent there") as caught:
        settings_of(then, Settings(), None, Path("a r.html"))
    assert caught.value.mend == "whybot replay --model openai:gpt 'a r.html'"
    for given in (
        settings_of(then, Settings(), "openai:gpt", Path("r.html")),
        settings_of(then, Settings(model="openai:gpt"), None, Path("r.html")),
    ):
        assert given.model == "openai:gpt"


def test_a_model_that_is_no_name_is_refused_in_one_line() -> None:
    then = made(who={"setting": "gguf:a\n\x1b[2Jb"})
    with pytest.raises(NotAReceipt) as caught:
        settings_of(then, Settings(), None, Path("r.html"))
    assert str(caught.value).isprintable()


# --- what changed


def test_nothing_changed() -> None:
    assert found(made(), made()) == {}


def test_a_changed_document_is_seen_wherever_it_shows() -> None:
    texts = [TEXTS[0], "RAG adds RAG adds RAG adds nothing.", TEXTS[1]]
    then, now = made(texts=TEXTS, top_k=2), made(texts=texts, top_k=2)
    changes = found(then, now)
    assert changes.keys() >= {"corpus", "passage went", "passage came", "prompt"}
    line = changes["corpus"].lines[0]
    assert line.startswith(f"corpus: {then.corpus.sha256[:12]} (2 documents, 2 chunks) then, ")
    assert "context-2" in changes["passage came"].lines[0]
    assert changes["passage came"].then is None
    assert changes["passage went"].now is None


def test_the_same_text_with_another_id_is_the_same_passage() -> None:
    then = made()
    first, *rest = then.answer.passages
    moved = replace(first, id="of other bytes", start=first.start + 10, end=first.end + 10)
    assert found(then, replace(then, answer=replace(then.answer, passages=[moved, *rest]))) == {}


@pytest.mark.parametrize(("by", "seen"), [(0.001, False), (-0.001, False), (0.0011, True)])
def test_scores_change_by_more_than_a_thousandth(by: float, seen: bool) -> None:
    then = made()
    first, *rest = then.answer.passages
    other = replace(first, score=round(first.score + by, 4))
    changes = found(then, replace(then, answer=replace(then.answer, passages=[other, *rest])))
    assert [*changes] == ([f"score of {first.source}"] if seen else [])


def test_a_moved_rank_is_seen() -> None:
    then = made()
    first, second = then.answer.passages
    swapped = [replace(second, n=1), replace(first, n=2)]
    changes = found(then, replace(then, answer=replace(then.answer, passages=swapped)))
    assert changes[f"rank of {first.source}"].lines == (f"rank of {first.source}: 1 then, 2 now",)
    assert len(changes) == 2


def test_another_answer_is_a_diff_of_its_sentences() -> None:
    then = made("RAG adds latency. It needs a vector store.")
    now = made("It needs a vector store. Fine-tuning adds RAG costs of training.")
    changes = found(then, now)
    assert [*changes] == ["answer"]
    head, *lines = changes["answer"].lines
    assert head == "answer:"
    assert lines[:2] == ["--- then", "+++ now"]
    assert lines[3:] == [
        "-RAG adds latency. [1]",
        " It needs a vector store. [1]",
        "+Fine-tuning adds RAG costs of training. [2]",
    ]


def test_an_abstention_now_says_why() -> None:
    then, now = made(), made(answerable=0.02)
    changes = found(then, now)
    assert changes["abstained"].lines == ("abstained: no then, yes now",)
    assert now.answer.gate.reason in changes["why"].lines[0]
    assert "+The documents do not say." in changes["answer"].lines


def test_another_draft_of_the_same_answer_is_no_silent_change() -> None:
    then, now = made(), made("RAG adds latency [1].")
    assert then.answer.answer == now.answer.answer
    assert [*found(then, now)] == ["draft"]


def test_what_it_was_made_with_is_compared() -> None:
    then = made(who={"setting": "embedded", "listed": "a" * 64})
    now = made(who={"setting": "ollama:x"}, revision="2", max_tokens=300)
    now = replace(now, whybot="9.9")
    now = replace(now, answer=replace(now.answer, tokens=Tokens(1, 1, 2048)))
    lines = {name: change.lines[0] for name, change in found(then, now).items()}
    assert lines == {
        "whybot": f"whybot: {then.whybot} then, 9.9 now",
        "model": f"model: fake ({'a' * 12}) then, fake (digest not known) now",
        "index revision": "index revision: 1 then, 2 now",
        "setting model": "setting model: embedded then, ollama:x now",
        "setting max_tokens": "setting max_tokens: 400 then, 300 now",
        "window of the model": "window of the model: 4096 then, 2048 now",
    }


def test_a_follow_up_is_understood_with_its_history() -> None:
    asked: dict[str, Any] = {
        "draft": "It needs a vector store.",
        "question": "and the store?",
        "history": [Turn(QUESTION, "Latency.")],
    }
    then = made(rewritten="What does the store add?", **asked)
    now = made(rewritten="What does RAG add the store?", **asked)
    assert found(then, now)["understood as"].then == then.answer.resolved_question


def test_a_strangers_text_moves_no_cursor() -> None:
    then = made()
    evil = replace(hostile(then, "a\x1b[2J\nb\u202e"), whybot="\x1b[2J")
    for one, other in ((evil, then), (then, evil)):
        lines = [line for change in differences(one, other) for line in change.lines]
        assert len(lines) > 10
        assert all(line.isprintable() for line in lines)


def test_changes_are_plain_data() -> None:
    texts = ["RAG adds RAG adds.", *TEXTS]
    for change in differences(made(), made("It needs a vector store.", texts=texts)):
        assert json.loads(json.dumps([change.then, change.now], default=asdict))
