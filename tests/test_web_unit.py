"""The page's own logic, without Gradio, weights or network: `pytest tests/test_web_unit.py`."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import Shelf
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from bot.explain.stages import Span
from bot.explain.steps import Step
from bot.llm.providers import Chosen
from bot.records.receipt import Model
from bot.records.turn import Exchange
from bot.session import Bot
from bot.trace import Dropped, Evidence, Passage, Sentence, Token
from bot.web import links, parts, prose
from bot.web import room as room_module
from bot.web.chat import html as render
from bot.web.chat import why
from bot.web.library import html as library_html
from bot.web.room import BROKEN, BUSY, Room, State
from bot.web.tab import Conversation, ask
from ingest import library
from ingest.errors import IndexBusy, ModelUnavailable, WhybotError
from ingest.library import Entry
from ingest.settings import Settings
from ingest.sync import Report

EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)"> ${alert(3)} {{alert(4)}}'

PASSAGE = Passage(
    n=1,
    document="a.md",
    title="A",
    heading="Cons",
    page=3,
    start=0,
    end=9,
    score=0.5,
    text="RAG adds latency.",
    id="1",
    dense=0.4,
    bm25=0.9,
    dense_rank=1,
    bm25_rank=1,
)


HERE = escape(links.reader("a.md", 0, 9, PASSAGE.text))


def stated(
    text: str, citations: Sequence[int] = (1,), evidence: Evidence | None = None
) -> Sentence:
    """Make a supported sentence."""
    return Sentence(text, list(citations), supported=True, evidence=evidence)


class Scripted(BaseChatModel):
    """Stream fixed pieces: text, progress as (done, total), or an error to raise."""

    pieces: list[Any]
    pace: float = 0.0  # seconds before each piece
    closed: list[int] = []  # noqa: RUF012 - pydantic copies it; how many pieces were out at the end

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def get_num_tokens_from_messages(self, messages: Any, tools: Any = None) -> int:
        return 10

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    def _stream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        out = 0
        try:
            for piece in self.pieces:
                time.sleep(self.pace)
                if isinstance(piece, Exception):
                    raise piece
                out += 1
                yield ChatGenerationChunk(message=_chunk(piece))
        finally:
            self.closed.append(out)


def _chunk(piece: str | tuple[int, int]) -> AIMessageChunk:
    if isinstance(piece, str):
        return AIMessageChunk(content=piece)
    progress = {"processed": piece[0], "total": piece[1]}
    return AIMessageChunk(content="", response_metadata={"prompt_progress": progress})


class Embedder:
    """Embed nothing in particular; cut at every word."""

    name, revision, chunk_tokens = "fake", "1", 200

    def token_starts(self, text: str) -> list[int]:
        return [0, *(n + 1 for n, character in enumerate(text) if character == " ")]

    def documents(self, texts: Sequence[str], done: Any = None) -> Any:
        return np.ones((len(texts), 4), dtype=np.float32)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.md").write_text("# A\n\nRAG adds latency.\n")
    (corpus / "b.md").write_bytes(b"\x89PNG\0\1")
    return Settings(corpus=corpus, index=tmp_path / "index", cache=tmp_path / "cache")


@pytest.fixture
def rooms(settings: Settings) -> Iterator[Any]:
    opened: list[Room] = []

    def make(
        model: Scripted,
        wait: bool = True,
        first: Exception | None = None,
        passages: Sequence[Passage] = (PASSAGE,),
    ) -> Room:
        errors = [first] if first else []

        @contextmanager
        def open_bot(settings: Settings, progress: Any, say: Any, embedder: Any) -> Iterator[Bot]:
            say("loading the model ...")
            if errors:
                raise errors.pop()
            chosen = Chosen(model, "scripted", "a test", 4096, exact=True)
            yield Bot(settings, Shelf(passages, Embedder()), chosen)  # type: ignore[arg-type]

        room = Room(settings, open_bot, lambda settings, progress: Embedder())  # type: ignore[arg-type,return-value]
        opened.append(room)
        room.open()
        if wait:
            until(lambda: room.state is not State.OPENING)
        return room

    yield make
    for room in opened:
        room.close()


def until(true: Any, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.01)


# --- asking


def test_ask_shows_every_stage_and_the_answer(rooms: Any) -> None:
    talk = Conversation()
    room = rooms(Scripted(pieces=[(0, 10), (10, 10), "RAG adds ", "latency [1]."]))
    seen = list(ask(room, talk, "What does RAG add?"))
    assert seen == [
        "looking up the question",
        "looking up “What does RAG add?”",
        "reading",
        "reading 0 of 10 tokens",
        "reading 10 of 10 tokens",
        "writing",
        "writing",
        "checking the draft",
        "",
        "",
    ]
    (exchange,) = talk.exchanges
    assert exchange.outcome == "answered" and exchange.answer
    assert exchange.answer.answer == "RAG adds latency. [1]"
    assert [turn.question for turn in talk.history()] == ["What does RAG add?"]


def test_an_answer_has_its_receipt_with_the_turns_before_it(rooms: Any) -> None:
    room, talk = rooms(Scripted(pieces=["RAG adds latency [1]."])), Conversation()
    list(ask(room, talk, "What does RAG add?"))
    before = talk.history()
    list(ask(room, talk, "What does RAG add to latency?"))
    first, second = talk.exchanges
    assert first.receipt and (first.receipt.answer, first.receipt.history) == (first.answer, [])
    assert second.receipt and second.receipt.history == before
    assert second.receipt.model == Model("scripted", None)
    for doing in ask(room, talk, "Count"):
        if doing == "writing":
            talk.stopping = True
    assert talk.exchanges[-1].receipt is None, "there is none of half an answer"


def test_stop_keeps_what_was_written_and_closes_the_model(rooms: Any) -> None:
    model = Scripted(pieces=["one ", "two ", "three ", "four "])
    room, talk = rooms(model), Conversation()
    for doing in ask(room, talk, "Count"):
        if doing == "writing":
            talk.stopping = True
    (exchange,) = talk.exchanges
    assert (exchange.outcome, exchange.draft) == ("stopped", "one ")
    assert len(model.closed) == 1 and model.closed[0] < 4
    assert talk.history() == []
    assert list(ask(room, talk, "Again")) and talk.exchanges[1].outcome == "answered"


def test_closing_the_page_stops_the_model_and_frees_it(rooms: Any) -> None:
    model = Scripted(pieces=["one ", "two "])
    room, talk = rooms(model), Conversation()
    work = ask(room, talk, "Count")
    while next(work) != "writing":
        pass
    work.close()
    assert model.closed == [1]
    assert room.borrow(0.01) is not None
    room.give_back()


def test_a_second_question_waits_for_the_first(rooms: Any) -> None:
    room = rooms(Scripted(pieces=["yes"]))
    first, second = Conversation(), Conversation()
    one, two = ask(room, first, "One"), ask(room, second, "Two")
    while next(one) != "writing":
        pass
    assert next(two) == BUSY
    second.stopping = True  # Stop reaches a question that waits
    assert list(two) == [""]
    assert second.exchanges[0].outcome == "stopped"
    list(one)
    assert first.exchanges[0].outcome == "answered"


def test_a_failing_answer_says_why_and_frees_the_bot(rooms: Any, capsys: Any) -> None:
    model = Scripted(pieces=["part ", WhybotError("The model broke.", "whybot doctor")])
    room, talk = rooms(model), Conversation()
    list(ask(room, talk, "One"))
    assert talk.exchanges[0].error == "The model broke. Mend it with: whybot doctor"
    assert talk.exchanges[0].draft == "part "
    model.pieces = [ZeroDivisionError("a bug")]
    list(ask(room, talk, "Two"))
    assert talk.exchanges[1].error == BROKEN
    assert "ZeroDivisionError: a bug" in capsys.readouterr().err
    model.pieces = ["fine"]
    list(ask(room, talk, "Three"))
    assert talk.exchanges[2].outcome == "answered"


def test_new_chat_in_the_middle_leaves_nothing(rooms: Any) -> None:
    room, talk = rooms(Scripted(pieces=["one ", "two "])), Conversation()
    for doing in ask(room, talk, "Count"):
        if doing == "writing":
            talk.clear()
    assert render.messages(talk) == [] and talk.current is None


# --- the room


def waited(true: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait until something is true, and return it."""
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def test_the_room_takes_in_what_changes_in_the_folder(rooms: Any, settings: Settings) -> None:
    room = rooms(Scripted(pieces=["x"]))
    time.sleep(0.3)  # until the folder is watched
    (settings.corpus / "c.md").write_text("# C\n\nTuning takes days.\n")
    assert "added: c.md" in waited(lambda: "added" in room.fresh_news and room.fresh_news)
    assert [entry.name for entry in room.documents()] == ["a.md", "c.md"]
    (settings.corpus / "a.md").unlink()
    assert "removed: a.md" in waited(lambda: "removed" in room.fresh_news and room.fresh_news)
    assert [entry.name for entry in room.documents()] == ["c.md"]


def test_a_busy_index_is_tried_again_and_the_news_grow_old(
    rooms: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_module, "PAUSE", 0.05)
    room = rooms(Scripted(pieces=["x"]))
    ingest, tries = library.ingest, []

    def busy(*args: Any, **options: Any) -> Any:
        tries.append(1)
        if len(tries) < 3:
            raise IndexBusy("Another whybot process is writing.")
        return ingest(*args, **options)

    monkeypatch.setattr(library, "ingest", busy)
    time.sleep(0.3)
    (settings.corpus / "c.md").write_text("# C\n\nTuning takes days.\n")
    assert waited(lambda: "added: c.md" in room.fresh_news)
    assert len(tries) >= 3
    monkeypatch.setattr(room_module, "NEWS_SECONDS", 0.0)
    assert room.fresh_news == ""


def test_room_ingests_and_lists(rooms: Any) -> None:
    room = rooms(Scripted(pieces=["x"]))
    assert room.state is State.READY
    assert [entry.name for entry in room.documents()] == ["a.md"]
    assert list(room.skipped) == ["b.md"]
    assert "binary" in room.skipped["b.md"]


def test_room_fails_with_its_line_and_opens_again(rooms: Any) -> None:
    room = rooms(Scripted(pieces=["x"]), first=ModelUnavailable("No model.", "whybot models"))
    talk = Conversation()
    list(ask(room, talk, "One"))
    assert talk.exchanges[0].error == "No model. Mend it with: whybot models"
    with room.writing():  # a missing chat model keeps nobody from adding documents
        pass
    until(lambda: not room._thread.is_alive())
    room.open()
    until(lambda: room.state is not State.OPENING)
    list(ask(room, talk, "Two"))
    assert talk.exchanges[1].outcome == "answered"


def test_room_reports_a_bug(rooms: Any, capsys: Any) -> None:
    room = rooms(Scripted(pieces=["x"]), first=ZeroDivisionError("a bug"))
    assert room.state is State.FAILED and room.error.message == BROKEN
    assert "ZeroDivisionError: a bug" in capsys.readouterr().err


def test_a_question_waits_until_the_room_is_ready(rooms: Any) -> None:
    room, talk = rooms(Scripted(pieces=["x"]), wait=False), Conversation()
    list(ask(room, talk, "One"))
    assert talk.exchanges[0].outcome == "answered"


def test_close_stops_the_question_at_work(rooms: Any) -> None:
    room, talk = rooms(Scripted(pieces=["word "] * 1000, pace=0.01)), Conversation()
    work = threading.Thread(target=lambda: list(ask(room, talk, "Count")))
    work.start()
    until(lambda: talk.exchanges and talk.exchanges[0].draft)
    room.close()
    work.join(5)
    assert not work.is_alive() and talk.exchanges[0].outcome == "stopped"
    assert room.state is State.CLOSED


def test_progress_is_said_in_words(settings: Settings) -> None:
    room = Room(settings)
    room._fetching("all-MiniLM-L6-v2 from the hub", 34_000_000, 100_000_000)
    assert room.waiting_for == "fetching all-MiniLM-L6-v2 from the hub, 34% of 100 MB"
    room._ingesting("reading", 3, 10)
    assert room.waiting_for == "reading 3 of 10 documents"


def test_note_forgets_what_was_read(settings: Settings) -> None:
    room = Room(settings)
    room.skipped = {"a.md": "empty", "b.md": "empty"}
    room.note(Report(updated=["a.md"], skipped=[("c.md", "binary")]))
    assert room.skipped == {"b.md": "empty", "c.md": "binary"}


# --- rendering


def test_nothing_becomes_markup() -> None:
    evil = replace(PASSAGE, text=EVIL, document=EVIL, heading=EVIL)
    exchange = Exchange(
        EVIL, rewritten=EVIL + "?", passages=[evil], dropped=[Dropped(evil, EVIL)], draft=EVIL
    )
    talk = Conversation([exchange])
    exchange.error, exchange.outcome = EVIL, "failed"
    pages = [
        *(message["content"] for message in render.messages(talk)),
        render.sources(talk),
        parts.status(EVIL),
        parts.opening(EVIL, None),
        parts.failure(WhybotError(EVIL, EVIL)),
        library_html.documents([Entry(EVIL, EVIL, 1, 1, 1)], {EVIL: EVIL}, False),
        library_html.report(Report(), [(EVIL, EVIL)]),
        parts.said(EVIL),
    ]
    for page in pages:
        assert "<script" not in page and "<img" not in page
        assert "alert(1)" in page, "the text itself is shown"


@pytest.mark.parametrize(
    "text",
    [
        "![x](http://evil.example/x.png)",
        "[x](http://evil.example)",
        "<http://evil.example>",
        "[x]: http://evil.example\n\n[x] ![x]",
        "<img src=http://evil.example>",
        "```[1]\n</code></pre><img src=http://evil.example>\n```",
        '"[1]"onerror="[1]',
    ],
)
def test_a_models_text_leads_nowhere(text: str) -> None:
    for html in (prose.draft(text, [PASSAGE]), prose.checked([stated(text)], [PASSAGE])):
        assert "<img" not in html
        assert re.findall('href="(.*?)"', html) == [HERE] * html.count("href=")
    assert "\n" not in render.reply(Exchange("q", draft=text))


def test_markdown_that_shapes_text_is_kept() -> None:
    passages = [PASSAGE, replace(PASSAGE, n=2)]
    html = prose.draft("- **Cost:** high [1, 2]\n- Size [7]", passages)
    assert "<ul>" in html and "<strong>Cost:</strong>" in html
    assert html.count('href="reader?document=a.md') == 2
    assert "[7]" in html and ">[7]<" not in html


def test_a_citation_leads_to_the_sentence_it_rests_on() -> None:
    passages = [PASSAGE, replace(PASSAGE, n=2, document="b.md")]
    first = stated("RAG adds latency.", [1, 2], Evidence(1, 4, 8, "adds"))
    second = stated("It does.", [1], Evidence(1, 0, 3, "RAG"))
    html = prose.checked([first, replace(second, lead=" ")], passages)
    found = re.findall('href="reader.document=(.)[^"]*?(sentence=[0-9-]+)?#passage"', html)
    assert found == [("a", "sentence=4-8"), ("b", ""), ("a", "sentence=0-3")]
    assert re.findall(">([^<]+)</a>", html) == ["[1]", "[2]", "[1]"]


def test_a_mark_that_a_document_holds_is_no_citation() -> None:
    quoted = stated("RAG adds latency [1] and \ue0001:0\ue001 more.", [2])
    html = prose.checked([quoted], [PASSAGE, replace(PASSAGE, n=2)])
    assert html.count("<a ") == 1 and "latency [1] and 1:0 more." in html
    code = prose.checked([stated("```\ncode", [1])], [PASSAGE])
    assert "<a " not in code and "code [1]" in code


def test_what_is_unsupported_is_marked_so() -> None:
    html = prose.checked([replace(stated("Cats fly.", [1]), supported=False)], [PASSAGE])
    assert "[unsupported]" in html and "<a " not in html


def test_sources_open_what_is_cited(rooms: Any) -> None:
    room, talk = rooms(Scripted(pieces=["RAG adds latency [1]."])), Conversation()
    before = render.source(PASSAGE, 0, cited=False)
    assert " open>" not in before
    list(ask(room, talk, "What does RAG add?"))
    after = render.sources(talk)
    assert 'class="source cited" id="source-0-1" open>' in after
    for part in ("a.md", "Cons", "page 3", "score 0.50 (dense 0.40, BM25 0.90)"):
        assert part in after
    assert f'href="{HERE}" target="_blank">Open in the document</a>' in after


def why_of(rooms: Any, *pieces: Any, **options: Any) -> str:
    """Ask a question and return the "Why this answer" of its reply."""
    room, talk = rooms(Scripted(pieces=list(pieces)), **options), Conversation()
    list(ask(room, talk, "What does RAG add?"))
    html = render.reply(talk.exchanges[0])
    assert html.count('<details class="why">') == 1
    return html[html.index('<details class="why">') :]


def test_why_is_folded_under_the_answer(rooms: Any) -> None:
    html = why_of(rooms, "RAG adds latency [1]. ", "RAG adds 7 cats.")
    assert html.startswith('<details class="why"><summary>Why this answer</summary>')
    assert " open" not in html
    titles = re.findall(r"<summary><b>(.*?)</b>", html)
    assert titles == "Question Search Passages Gate Prompt Draft Check Time".split()
    assert "<dt>Shown</dt><dd>RAG adds latency.&#10;support 100%" in html
    assert "<dt>Withheld</dt><dd>RAG adds 7 cats.&#10;support 0%" in html
    assert "<pre>&#10;RAG adds latency [1]. RAG adds 7 cats.</pre>" in html
    assert html.count('<span class="bar" style="margin-left:') == 8
    assert "\n" not in html
    assert html.count("<details") == html.count("</details>") == 9


def test_there_is_no_why_before_there_is_an_answer() -> None:
    assert 'class="why"' not in render.reply(Exchange("q", draft="half"))
    assert 'class="why"' not in render.reply(Exchange("q", "failed", error="No."))


def test_hostile_text_stays_text_in_why(rooms: Any) -> None:
    evil = replace(PASSAGE, text=f"RAG {EVIL}", document=EVIL, heading=EVIL)
    html = why_of(rooms, f"RAG {EVIL} {EVIL} [9].", passages=[evil])
    assert "<script" not in html and "<img" not in html
    assert html.count("alert(1)") >= 6, "passage, prompt, draft, sentence and its evidence"
    assert set(re.findall(r"<(\w+)", html)) <= set(
        "details summary b dl div dt dd p pre ul li span".split()
    )


def test_a_lost_prompt_is_a_warning_in_words() -> None:
    html = why.step(Step("Prompt", "Some was lost.", alert=True))
    assert '<details class="step alert"><summary><b>Prompt</b> Warning: Some was lost.' in html
    assert "Warning" not in why.step(Step("Prompt", "All is well."))


def test_bars_lie_where_their_stages_do() -> None:
    html = why.waterfall([Span("search", 0.0, 25.0), Span("write", 25.0, 75.0)])
    assert re.findall(r'style="(.*?)"', html) == [
        "margin-left:0.00%;width:25.00%",
        "margin-left:25.00%;width:75.00%",
    ]
    assert "75.0 ms from 25.0" in html
    assert "width:0.00%" in why.waterfall([Span("search", 0.0, 0.0)])


def test_outcomes_are_shown() -> None:
    assert ">stopped<" in render.reply(Exchange("q", "stopped", draft="half"))
    assert 'class="error"' in render.reply(Exchange("q", "failed", error="No."))
    assert "pending" in render.reply(Exchange("q"))
    changed = Exchange("and the pros?", rewritten="What are the pros of RAG?")
    assert "What are the pros of RAG?" in render.reply(changed)
    same = Exchange("What are the pros?", rewritten="What are the pros?")
    assert "resolved" not in render.reply(same)


def test_abstention_is_a_notice(rooms: Any) -> None:
    room, talk = rooms(Scripted(pieces=["The documents do not say."])), Conversation()
    list(ask(room, talk, "What is the moon?"))
    assert 'class="notice"' in render.reply(talk.exchanges[0])


def test_what_comes_nearest_leads_to_its_place(rooms: Any) -> None:
    room, talk = rooms(Scripted(pieces=["The documents do not say."])), Conversation()
    list(ask(room, talk, "What does RAG add?"))
    done = talk.exchanges[0].answer
    assert done
    far = replace(stated("Cats fly.", [], Evidence(1, 4, 8, "a<b")), supported=False)
    done = replace(done, answer="No. The nearest they come: “a<b” [1]", withheld=[far])
    html = prose.abstention(done)
    assert html.startswith("No. The nearest they come: “a&lt;b” <a ")
    assert re.findall('href="(.*?)"', html) == [HERE.replace("#", "&amp;sentence=4-8#")]
    assert "<a " not in prose.abstention(replace(done, answer="No. [2]"))
    assert "<a " not in prose.abstention(replace(done, withheld=[]))


def test_what_is_far_off_is_not_asked(rooms: Any) -> None:
    model = Scripted(pieces=["never"])
    room, talk = rooms(model, passages=[replace(PASSAGE, score=0.01)]), Conversation()
    list(ask(room, talk, "What is the moon?"))
    html = render.reply(talk.exchanges[0])
    assert 'class="notice"' in html and "the model was not asked" in html
    assert model.closed == [], "it was not called"


def test_text_is_the_draft_until_the_answer_is_there() -> None:
    exchange = Exchange("q")
    for event in (Token("One [9]. Two"), Sentence("One.", [1]), Token(" more")):
        exchange.take(event)
    assert exchange.text == "One [9]. Two more"


def test_an_empty_library_says_so() -> None:
    assert "No documents yet" in library_html.documents([], {}, opening=False)
    assert "still being read" in library_html.documents([], {}, opening=True)
