"""Conversations on disk: what comes back, what is refused, and who writes over whom."""

from __future__ import annotations

import json
import stat
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fake_believer import Believer, believing
from fakes import FakeEmbedder, indexed
from test_receipt import EVIL, QUESTION, TEXTS, Elements

from bot.answer import answer
from bot.evaluation.datasets import over
from bot.records import conversation_html, conversations
from bot.records.conversations import FORMAT, NotKept, Place
from bot.records.receipt import of
from bot.records.turn import Exchange, Outcome
from bot.session import Bot
from bot.trace import Answer, Gate, Signals, Turn
from bot.web.chat import html as render
from bot.web.history import html as listing
from bot.web.history.state import keeping
from bot.web.tab import Conversation
from ingest.settings import Settings


def answered(question: str = QUESTION, texts: Any = TEXTS, *, follow: bool = False) -> Exchange:
    """Ask a fake model over some texts, and go through all that the page goes through."""
    beliefs = {"answerable": 0.95}
    model = Believer(draft="RAG adds latency. It costs 77 cats.", beliefs=beliefs)
    bot = Bot(Settings(), over(texts, FakeEmbedder().real), believing(model))
    before = [Turn("What is RAG?", "Retrieval.")] if follow else []
    exchange = Exchange(question)
    for event in answer(bot, question, before):
        exchange.take(event)
    assert exchange.answer
    exchange.receipt = of(bot, exchange.answer, before)
    return exchange


def failed(question: str, outcome: Outcome = "failed") -> Exchange:
    return Exchange(question, outcome, draft="half", error="It broke.")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "index" / "conversations"


def only(home: Path) -> conversations.Entry:
    found, damaged = conversations.entries(home)
    assert damaged == []
    (entry,) = found
    return entry


def raw(home: Path, id: str) -> Any:
    return json.loads((home / f"{id}.json").read_text("utf-8"))


def write(home: Path, id: str, data: Any) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / f"{id}.json").write_text(json.dumps(data))


# --- what comes back


def test_every_field_comes_back(home: Path) -> None:
    exchange = answered()
    assert exchange.answer and exchange.answer.withheld and exchange.answer.sentences
    signals = Signals(0.5, 0.25, unknown="cats", draft=0.75, rests=None)
    gate = Gate(0.5, 0.15, True, "why not", 0.5, 0.4, signals)
    twin = replace(exchange.passages[0], page=7, dense_rank=None, bm25_rank=None)
    taught = {"Search": indexed("1", "What a search is.")}
    found = [*exchange.passages, twin]
    full = replace(exchange, gate=gate, passages=found, taught=taught)
    exchanges = [full, failed("and then?"), failed("or?", "stopped")]
    place = conversations.save(home, Place(), exchanges)
    kept = conversations.read(home, place.id)
    assert kept.exchanges == exchanges
    assert [type(one) for one in kept.exchanges] == [Exchange] * 3
    for field in fields(Answer):
        now = getattr(kept.exchanges[0].answer, field.name)
        assert now == getattr(exchange.answer, field.name), field.name
        assert type(now) is type(getattr(exchange.answer, field.name))
    assert kept.exchanges[0].receipt == exchange.receipt
    assert (kept.format, kept.title) == (FORMAT, QUESTION)
    assert kept.began == kept.changed == only(home).changed
    assert kept.to_json() == raw(home, place.id)


def test_a_reopened_conversation_looks_and_leans_as_before(home: Path) -> None:
    talk = Conversation([answered(), answered("And what else?", follow=True)])
    place = conversations.save(home, Place(), talk.exchanges)
    again = Conversation()
    again.resume(conversations.read(home, place.id).exchanges, place)
    assert render.messages(again) == render.messages(talk)
    assert 'class="why"' in render.messages(again)[1]["content"]
    assert render.sources(again) == render.sources(talk)
    assert again.history() == talk.history() and len(again.history()) == 2


def test_it_grows_by_what_was_asked_and_keeps_its_title(home: Path) -> None:
    exchanges = [failed("One?")]
    place = conversations.save(home, Place(), exchanges)
    before = raw(home, place.id)
    assert conversations.save(home, place, exchanges) == place, "nothing new"
    assert raw(home, place.id) == before
    conversations.rename(home, place.id, "Mine")
    exchanges += [failed("Two?"), Exchange("Three?")]
    assert conversations.save(home, place, exchanges) == Place(place.id, 2), "one is still running"
    kept = conversations.read(home, place.id)
    assert [one.question for one in kept.exchanges] == ["One?", "Two?"]
    assert (kept.title, kept.began) == ("Mine", before["began"])
    assert kept.changed >= before["changed"]


def test_nothing_is_written_for_no_question(home: Path) -> None:
    assert conversations.save(home, Place(), [Exchange("running")]) == Place()
    assert not home.exists()


def test_the_last_changed_comes_first(home: Path) -> None:
    for number in (2, 3, 1):
        data = {"format": 1, "title": str(number), "exchanges": []}
        write(home, f"{number:032x}", {**data, "changed": f"2026-01-0{number}T00:00:00+00:00"})
    assert [entry.title for entry in conversations.entries(home)[0]] == ["3", "2", "1"]


def test_a_list_without_a_folder_is_empty(home: Path) -> None:
    assert conversations.entries(home) == ([], [])


def test_only_the_owner_may_read(home: Path) -> None:
    place = conversations.save(home, Place(), [failed("One?")])
    conversations.rename(home, place.id, "Two")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / f"{place.id}.json").stat().st_mode) == 0o600
    kept = conversations.delete(home, place.id)
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


# --- where


def test_the_setting_says_where_or_off() -> None:
    settings = Settings(index=Path("/i"))
    assert conversations.folder(settings) == Path("/i/conversations")
    assert conversations.folder(replace(settings, history="off")) is None
    assert conversations.folder(replace(settings, history="~/c")) == Path.home() / "c"
    assert conversations.folder(replace(settings, chroma="http://x:1")) == Path("/i/conversations")


# --- what is refused


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no conversation"),
        (b'{"title": "x"}', "no conversation"),
        (b'{"format": 1, "title": "x"}', "no title, date or exchanges"),
        (b'{"format": 1, "title": "x", "exchanges": [], "changed": "x"}', "date"),
        (b'{"format": 2, "title": "x"}', "newer whybot: this one reads 1"),
    ],
)
def test_a_damaged_file_is_named_in_one_line_and_the_rest_is_there(
    home: Path, data: bytes, why: str
) -> None:
    place = conversations.save(home, Place(), [failed("One?")])
    wrong = home / f"{'0' * 32}.json"
    wrong.write_bytes(data)
    found, (line,) = conversations.entries(home)
    assert [entry.id for entry in found] == [place.id]
    assert wrong.name in line and why in line and "\n" not in line
    with pytest.raises(NotKept):
        conversations.read(home, wrong.stem)


def test_a_file_with_a_strange_name_is_no_conversation(home: Path) -> None:
    conversations.save(home, Place(), [failed("One?")])
    (home / "notes.json").write_text("{}")
    found, (line,) = conversations.entries(home)
    assert len(found) == 1 and "notes.json is no conversation" in line


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: one.pop("question"),
        lambda one: one.update(outcome="dreamt"),
        lambda one: one.update(outcome="running"),
        lambda one: one["answer"].update(tokens=7),
        lambda one: one["answer"]["timings_ms"].pop("total"),
        lambda one: one["passages"][0].update(start="far"),
    ],
)
def test_damage_inside_an_exchange_is_found_when_it_is_opened(home: Path, spoil: Any) -> None:
    place = conversations.save(home, Place(), [answered()])
    data = raw(home, place.id)
    spoil(data["exchanges"][0])
    write(home, place.id, data)
    with pytest.raises(NotKept, match="is damaged") as caught:
        conversations.read(home, place.id)
    assert "\n" not in str(caught.value)


def test_a_date_that_is_none_is_damage(home: Path) -> None:
    place = conversations.save(home, Place(), [failed("One?")])
    write(home, place.id, {**raw(home, place.id), "began": "long ago"})
    with pytest.raises(NotKept, match="when it was"):
        conversations.read(home, place.id)


def test_fields_that_a_later_version_added_do_not_harm(home: Path) -> None:
    place = conversations.save(home, Place(), [answered()])
    data = raw(home, place.id)
    data["mood"] = data["exchanges"][0]["mood"] = "good"
    write(home, place.id, data)
    assert len(conversations.read(home, place.id).exchanges) == 1
    conversations.rename(home, place.id, "x")
    assert raw(home, place.id)["mood"] == "good", "and are kept"


@pytest.mark.parametrize(
    "id", ["", "../x", "a" * 31, "A" * 32, "0" * 32 + "\n", "/etc/passwd", "0" * 33, "０" * 32]
)
def test_an_id_that_is_none_never_reaches_the_disk(home: Path, id: str) -> None:
    conversations.save(home, Place(), [failed("One?")])
    for work in (
        lambda: conversations.read(home, id),
        lambda: conversations.rename(home, id, "x"),
        lambda: conversations.delete(home, id),
        lambda: conversations.restore(home, id),
    ):
        with pytest.raises(NotKept, match="no such conversation"):
            work()
    assert only(home).title == "One?"


def test_an_unknown_id_is_said(home: Path) -> None:
    for work in (conversations.read, conversations.delete, conversations.restore):
        with pytest.raises(NotKept, match="no such conversation"):
            work(home, "0" * 32)
    with pytest.raises(NotKept, match="no such conversation"):
        conversations.rename(home, "0" * 32, "x")


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotKept, match="cannot be saved in") as caught:
        conversations.save(tmp_path / "file" / "x", Place(), [failed("One?")])
    assert "\n" not in str(caught.value)


# --- rename, delete, and who writes over whom


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  a \n\t b  ", "a b"),
        ("../../etc/passwd", "../../etc/passwd"),
        (EVIL, " ".join(EVIL.replace("\u2028", " ").split())),
        ("naïve 日本 🙂 'x' \"y\"", "naïve 日本 🙂 'x' \"y\""),
        ("\x1b[31mred\x00\u202e", "[31mred"),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_rename_takes_any_characters_in_one_line(home: Path, given: str, kept: str) -> None:
    place = conversations.save(home, Place(), [failed("One?")])
    assert conversations.rename(home, place.id, given) == kept
    assert only(home).title == kept
    assert len(conversations.read(home, place.id).exchanges) == 1
    names = {path.name for path in home.iterdir()} - {"lock"}
    assert names == {f"{place.id}.json"}, "titles are no file names"


def test_a_title_is_not_nothing(home: Path) -> None:
    place = conversations.save(home, Place(), [failed("One?")])
    with pytest.raises(NotKept, match="at least one character"):
        conversations.rename(home, place.id, " \n\x00")


def test_half_a_character_does_not_cost_the_conversation(home: Path) -> None:
    place = conversations.save(home, Place(), [failed("half \ud83d?")])
    assert conversations.read(home, place.id).exchanges[0].question == "half ??"


def test_deleted_is_moved_and_comes_back(home: Path) -> None:
    place = conversations.save(home, Place(), [failed("One?")])
    before = (home / f"{place.id}.json").read_bytes()
    kept = conversations.delete(home, place.id)
    assert kept == home / "deleted" / f"{place.id}.json" and kept.read_bytes() == before
    assert conversations.entries(home) == ([], [])
    assert conversations.restore(home, place.id) == home / f"{place.id}.json"
    assert only(home).title == "One?"


def test_two_tabs_of_one_conversation_lose_nothing(home: Path) -> None:
    place = conversations.save(home, Place(), [failed("One?")])
    conversations.rename(home, place.id, "Mine")
    here, there = [failed("One?"), failed("here?")], [failed("One?"), failed("there?")]
    assert conversations.save(home, place, here) == Place(place.id, 2)
    other = conversations.save(home, place, there)
    assert other.id != place.id and other.count == 2
    kept = [conversations.read(home, id) for id in (place.id, other.id)]
    assert [[one.question for one in each.exchanges] for each in kept] == [
        ["One?", "here?"], ["One?", "there?"]
    ]  # fmt: skip
    assert {each.title for each in kept} == {"Mine"}


def test_a_file_that_was_damaged_since_is_left_as_it_is(home: Path) -> None:
    place = conversations.save(home, Place(), [failed("One?")])
    (home / f"{place.id}.json").write_text("{")
    other = conversations.save(home, place, [failed("One?"), failed("Two?")])
    assert other.id != place.id
    assert (home / f"{place.id}.json").read_text() == "{"


# --- keeping


def ask(talk: Conversation, exchange: Exchange) -> Any:
    """Stand in for a question's pictures: one while it runs, one at its end."""
    exchange.outcome = "running"
    talk.exchanges.append(exchange)
    try:
        yield "running"
        exchange.outcome = "answered"
        yield "over"
    finally:
        if exchange.outcome == "running":
            exchange.outcome = "stopped"


def test_a_question_is_kept_when_it_is_over(home: Path) -> None:
    talk = Conversation()
    work = keeping(home, talk, ask(talk, Exchange("One?")))
    assert next(work) == "running" and conversations.entries(home) == ([], [])
    assert list(work) == ["over"]
    assert (only(home).id, only(home).count) == (talk.kept.id, talk.kept.count) != ("", 0)
    list(keeping(home, talk, ask(talk, Exchange("Two?"))))
    assert only(home).count == 2


def test_a_closed_tab_leaves_what_there_was(home: Path) -> None:
    talk = Conversation()
    work = keeping(home, talk, ask(talk, Exchange("One?")))
    next(work)
    work.close()
    (exchange,) = conversations.read(home, only(home).id).exchanges
    assert exchange.outcome == "stopped"


def test_new_chat_keeps_the_former_and_begins_another(home: Path) -> None:
    talk = Conversation()
    work = keeping(home, talk, ask(talk, Exchange("One?")))
    next(work)
    talk.clear()
    list(work)
    assert only(home).title == "One?" and talk.kept == Place()
    list(keeping(home, talk, ask(talk, Exchange("Two?"))))
    assert {entry.title for entry in conversations.entries(home)[0]} == {"One?", "Two?"}


def test_what_is_deleted_while_it_runs_stays_deleted(home: Path) -> None:
    talk = Conversation()
    list(keeping(home, talk, ask(talk, Exchange("One?"))))
    work = keeping(home, talk, ask(talk, Exchange("Two?")))
    next(work)
    conversations.delete(home, talk.kept.id)
    list(work)
    assert conversations.entries(home) == ([], [])
    list(keeping(home, talk, ask(talk, Exchange("Three?"))))
    assert only(home).count == 3, "what is asked afterwards is kept, with what led to it"


def test_a_full_disk_costs_no_answer(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "file").write_text("")
    talk = Conversation()
    assert list(keeping(tmp_path / "file" / "x", talk, ask(talk, Exchange("One?"))))[-1] == "over"
    assert "cannot be saved" in talk.unkept and "cannot be saved" in capsys.readouterr().err
    list(keeping(tmp_path / "here", talk, ask(talk, Exchange("Two?"))))
    assert talk.unkept == "" and only(tmp_path / "here").count == 2


def test_off_keeps_nothing(tmp_path: Path) -> None:
    talk = Conversation()
    assert list(keeping(None, talk, ask(talk, Exchange("One?")))) == ["running", "over"]
    assert talk.kept == Place() and list(tmp_path.iterdir()) == []


# --- as HTML


def test_the_list_is_buttons_of_text(home: Path) -> None:
    place = conversations.save(home, Place(), [failed(EVIL)])
    other = conversations.save(home, Place(), [failed("One?"), failed("Two?")])
    (home / "x<b>.json").write_text("")
    html = listing.listed(*conversations.entries(home), place.id)
    elements = Elements(html)
    buttons = {values["data-id"]: values for tag, values in elements.tags if tag == "button"}
    assert buttons.keys() == {place.id, other.id}
    assert "aria-current" in buttons[place.id] and "aria-current" not in buttons[other.id]
    allowed = {"nav", "ul", "li", "button", "bdi", "span", "time", "p"}
    assert {tag for tag, _ in elements.tags} <= allowed
    assert "2 questions" in elements.text and "x<b>.json" in elements.text


def test_a_date_of_another_year_says_the_year() -> None:
    assert listing.when("2019-06-15T12:00:00+00:00") == "15 Jun 2019"
    now = datetime.now().astimezone()
    assert listing.when(now.isoformat()) == f"{now:%d %b, %H:%M}"


def test_an_empty_list_says_so() -> None:
    assert "None yet" in listing.listed([], [], "")


def test_an_export_is_one_page_that_carries_all(home: Path) -> None:
    exchanges = [answered(), failed(EVIL), answered(EVIL, [EVIL, "RAG adds latency."], follow=True)]
    place = conversations.save(home, Place(), exchanges)
    kept = conversations.read(home, place.id)
    page = conversation_html.page(kept)
    elements = Elements(page)
    assert [values for tag, values in elements.tags if tag == "script"] == [
        {"type": "application/json", "id": "conversation"}
    ]
    assert not {tag for tag, _ in elements.tags} & {"img", "link", "iframe", "object", "base"}
    assert not {name for _, values in elements.tags for name in values if name.startswith("on")}
    ids = [values["id"] for _, values in elements.tags if "id" in values]
    assert len(ids) == len(set(ids)), "turns do not share anchors"
    leads = {str(values["href"])[1:] for tag, values in elements.tags if tag == "a"}
    assert leads and leads <= set(ids)
    carried = page.split('id="conversation">')[1].split("</script>")[0]
    assert json.loads(carried) == raw(home, place.id)
    assert json.loads(conversation_html.to_json(kept)) == raw(home, place.id)
    for text in (QUESTION, "RAG adds latency.", "It broke.", "not checked", "Made with"):
        assert text in elements.text


def test_an_exported_turn_that_was_stopped_has_the_passages_it_found(home: Path) -> None:
    stopped = replace(answered(), outcome="stopped", answer=None, receipt=None)
    assert stopped.passages and stopped.draft
    place = conversations.save(home, Place(), [stopped])
    text = Elements(conversation_html.page(conversations.read(home, place.id))).text
    assert "stopped" in text
    assert all(passage.text in text for passage in stopped.passages)


def test_links_save_both_forms_under_a_name_of_whybot(home: Path) -> None:
    place = conversations.save(home, Place(), [failed(EVIL)])
    kept = conversations.read(home, place.id)
    links = Elements(listing.links(kept, place.id)).tags
    names = [values["download"] for tag, values in links if tag == "a"]
    stem = f"conversation-{kept.began[:10]}-{place.id[:8]}"
    assert names == [f"{stem}.html", f"{stem}.json"]
