"""The reader: `pytest tests/test_reader.py`. A real index, no weights, no network."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from fake_models import FakeChat, chosen
from fakes import FakeEmbedder, indexed, settings_in, write_files
from samples import pdf_bytes
from starlette.applications import Starlette
from starlette.testclient import TestClient

from bot.about import search as about
from bot.path.retrieval import Retriever
from bot.session import Bot
from bot.web import links
from bot.web.reader import html as reader_page
from bot.web.reader import page as reader
from bot.web.reader import state as reading
from bot.web.room import Room
from ingest import library
from ingest.embedder import Embedder
from ingest.errors import WhybotError
from ingest.index import Index, IndexedChunk
from ingest.settings import Settings
from ingest.sync import fingerprint

EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)">'
BIRDS = "# Birds\n\n## Owls\n\nOwls hunt at night. They hear well.\n\n## Gulls\n\nGulls eat fish.\n"
SHEETS = [
    ["Stripes", "Zebras have stripes.", "They live in herds."],
    ["Lions", "Lions sleep a lot.", "They hunt zebras."],
]
OUTLINE = [("Stripes", 0), ("Lions", 1)]


class Opened(Room):
    """A room whose index is there, and whose chat model never opens."""

    def __init__(self, settings: Settings, embedder: Embedder) -> None:
        super().__init__(settings)
        self._embedder, self.changes = embedder, 1


@pytest.fixture
def room(tmp_path: Path) -> Room:
    settings = settings_in(tmp_path)
    write_files(settings.corpus, {"birds.md": BIRDS, "evil <b>.txt": f"Evil {EVIL} text."})
    (settings.corpus / "zoo.pdf").write_bytes(pdf_bytes(SHEETS, title="Zoo", outline=OUTLINE))
    library.ingest(settings, FakeEmbedder().real)
    return Opened(settings, FakeEmbedder().real)


def again(room: Room) -> None:
    """Ingest what changed."""
    library.ingest(room.settings, FakeEmbedder().real)


def ask(room: Room, address: str, status: int = 200) -> str:
    """Return the page of an address."""
    found, html = reader.answer(room, dict(parse_qsl(urlsplit(address).query)))
    assert found == status, html
    return html


def place(chunk: IndexedChunk, sentence: str = "") -> str:
    """Return the address of a chunk, and of a sentence in it."""
    at = chunk.start + chunk.text.index(sentence)
    span = (at, at + len(sentence)) if sentence else None
    return links.reader(chunk.document, chunk.start, chunk.end, chunk.text, span)


def marked(html: str) -> list[str]:
    """Return what is marked as the passage."""
    found = re.findall(r'<mark id="passage">(.*?)</mark>', html, re.DOTALL)
    return [unescape(re.sub("<[^>]*>", "", one)) for one in found]


def notes(html: str) -> list[str]:
    return [unescape(note) for note in re.findall('<p class="note">(.*?)</p>', html)]


def ways(html: str) -> dict[str, str]:
    """Return the links of the page's navigation by their words."""
    nav = html[html.index("<nav") : html.index("</nav>")]
    return {text: unescape(href) for href, text in re.findall('<a href="(.*?)">(.*?)</a>', nav)}


# --- a passage


def test_a_passage_is_marked_in_its_document(room: Room) -> None:
    owls, gulls = room.chunks("birds.md")
    html = ask(room, place(owls, "They hear well."))
    assert marked(html) == ["Owls hunt at night. They hear well."]
    assert "<strong>They hear well.</strong>" in html
    assert "## Gulls" in html and notes(html) == []
    assert '<p class="soft">birds.md · Owls · passage 1 of 2</p>' in html
    assert ways(html) == {
        "Next passage →": place(gulls),
        "Chunk by chunk": links.chunks("birds.md"),
    }
    assert marked(ask(room, ways(html)["Next passage →"])) == ["Gulls eat fish."]
    assert place(gulls).endswith("#passage")


def test_a_sentence_outside_its_passage_is_not_marked(room: Room) -> None:
    owls, _ = room.chunks("birds.md")
    address = place(owls).replace("#", f"&sentence={owls.start}-{owls.end + 9}#")
    html = ask(room, address)
    assert marked(html) == [owls.text] and "<strong>" not in html


def test_a_sentence_can_be_the_passage(room: Room) -> None:
    owls, _ = room.chunks("birds.md")
    start = owls.start + owls.text.index("They")
    html = ask(room, links.reader("birds.md", start, owls.end, "They hear well."))
    assert marked(html) == ["They hear well."]
    assert "Next passage" in html, "its chunk is known"


def test_a_long_text_is_shown_around_the_passage(room: Room) -> None:
    lines = "".join(f"Line {n} of the long story.\n\n" for n in range(4000))
    write_files(room.settings.corpus, {"long.txt": lines})
    again(room)
    chunk = room.chunks("long.txt")[200]
    html = ask(room, place(chunk))
    assert marked(html) == [chunk.text]
    assert len(html) < 4 * reading.AROUND and "Line 0 " not in html and "Line 3999 " not in html
    whole = ask(room, ways(html)["Whole document"])
    assert marked(whole) == [chunk.text]
    assert "Line 0 " in whole and "Line 3999 " in whole


def test_line_ends_and_emoji_keep_their_places(room: Room) -> None:
    (room.settings.corpus / "win.md").write_bytes("# 🦉 Owl\r\n\r\nÖne 🦉 flies.\r\n".encode())
    again(room)
    (chunk,) = room.chunks("win.md")
    assert marked(ask(room, place(chunk, "🦉 flies."))) == ["Öne 🦉 flies."]


# --- a document that changed


def test_a_file_that_changed_is_not_marked_wrongly(room: Room) -> None:
    owls, _ = room.chunks("birds.md")
    changed = BIRDS.replace("at night", "by day!!")
    write_files(room.settings.corpus, {"birds.md": changed})
    html = ask(room, place(owls))
    assert marked(html) == [] and notes(html) == [reading.STALE, reading.LOST]
    assert "<blockquote>Owls hunt at night. They hear well.</blockquote>" in html, "as it was"
    again(room)
    html = ask(room, place(owls))
    assert marked(html) == [] and notes(html) == [reading.LOST]
    assert "blockquote>" not in html.partition("</style>")[2], "nobody knows it any more"


@pytest.mark.parametrize("ingested", [False, True])
def test_a_passage_that_moved_is_marked_where_it_is(room: Room, ingested: bool) -> None:
    owls, _ = room.chunks("birds.md")
    write_files(room.settings.corpus, {"birds.md": "New first line.\n\n" + BIRDS})
    if ingested:
        again(room)
    html = ask(room, place(owls, "They hear well."))
    assert marked(html) == [owls.text] and reading.MOVED in notes(html)
    assert "<strong>They hear well.</strong>" in html


def test_a_passage_that_stands_twice_is_not_guessed(room: Room) -> None:
    owls, _ = room.chunks("birds.md")
    write_files(room.settings.corpus, {"birds.md": f"New.\n\n{owls.text}\n\n{owls.text}\n"})
    html = ask(room, place(owls))
    assert marked(html) == [] and reading.LOST in notes(html)


def test_an_unchanged_passage_of_a_changed_file_is_marked(room: Room) -> None:
    owls, _ = room.chunks("birds.md")
    write_files(room.settings.corpus, {"birds.md": BIRDS + "\nMore.\n"})
    html = ask(room, place(owls))
    assert marked(html) == [owls.text] and notes(html) == [reading.STALE]


def test_a_file_that_is_gone_is_read_from_the_index(room: Room) -> None:
    owls, _ = room.chunks("birds.md")
    (room.settings.corpus / "birds.md").unlink()
    html = ask(room, place(owls))
    assert marked(html) == [owls.text] and "Gulls eat fish." in html
    assert notes(html) == [reading.GONE.format(why="its file is no longer there")]
    assert "## Gulls" not in html
    write_files(room.settings.corpus, {"birds.md": " "})
    assert notes(ask(room, place(owls))) == [reading.GONE.format(why="it is empty")]


def test_text_from_the_index_keeps_every_chunk_at_its_place() -> None:
    chunks = [
        indexed("a", "one", start=2, end=5),
        indexed("b", "two", start=6, end=9),
        indexed("c", "two more", start=6, end=14),
        indexed("d", "x", start=20, end=21),
    ]
    text = reading._joined(chunks)
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)


def test_a_removed_document_is_not_known(room: Room) -> None:
    owls, _ = room.chunks("birds.md")
    library.remove(room.settings, FakeEmbedder().real, "birds.md")
    assert "holds no document" in ask(room, place(owls), 404)


def test_a_document_from_outside_the_corpus_is_read(room: Room, tmp_path: Path) -> None:
    write_files(tmp_path, {"elsewhere/note.txt": "A note from outside."})
    library.ingest(room.settings, FakeEmbedder().real, [tmp_path / "elsewhere"])
    name = (tmp_path / "elsewhere" / "note.txt").resolve().as_posix()
    (chunk,) = room.chunks(name)
    assert marked(ask(room, place(chunk))) == ["A note from outside."]


# --- what must not be read, and what stays text


@pytest.mark.parametrize(
    "name",
    ["", "none.md", "../secret.txt", "/etc/passwd", "birds.md/../../secret.txt", "birds.md\0", "."],
)
def test_only_what_the_index_names_is_read(room: Room, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.txt").write_text("the secret")
    for more in ("", "&view=chunks", "&start=0&end=9&digest=0"):
        html = ask(room, links.document(name) + more, 404)
        assert "secret</" not in html and "the secret" not in html and "root:" not in html
    spelled = (tmp_path / "corpus" / "birds.md").as_posix()
    ask(room, links.document(spelled), 404)


def test_nothing_becomes_markup(room: Room) -> None:
    name = "evil <b>.txt"
    (chunk,) = room.chunks(name)
    pages = [
        ask(room, place(chunk)),
        ask(room, links.document(name)),
        ask(room, links.chunks(name)),
        ask(room, links.document(EVIL), 404),
        ask(room, f"reader?document=birds.md&start={EVIL}", 400),
    ]
    (room.settings.corpus / name).unlink()
    pages.append(ask(room, place(chunk)))
    for html in pages:
        assert "<script" not in html and "<img" not in html and "<b>" not in html
        assert "alert(1)" in html, "the text itself is shown"
    assert escape(name) in pages[0]


@pytest.mark.parametrize(
    "wrong",
    ["start=x&end=2", "start=-1&end=2", "start=5&end=5", "start=1", f"start=1&end={'9' * 5000}"],
)
def test_an_address_that_names_no_place_is_refused(room: Room, wrong: str) -> None:
    assert len(notes(ask(room, f"reader?document=birds.md&{wrong}", 400))) == 1


def test_a_place_beyond_the_end_is_no_passage(room: Room) -> None:
    html = ask(room, links.reader("birds.md", 9000, 9001, "x"))
    assert marked(html) == [] and notes(html) == [reading.LOST]
    assert (
        marked(ask(room, "reader?document=birds.md&start=9000&end=9001&digest=" + "e3b0c44298fc"))
        == []
    )


# --- PDF


def test_a_page_is_shown_as_a_picture_with_the_passage_marked(room: Room) -> None:
    lions = next(chunk for chunk in room.chunks("zoo.pdf") if chunk.page == 2)
    html = ask(room, place(lions, "They hunt zebras."))
    assert marked(html) == ["Lions sleep a lot.\nThey hunt zebras."]
    assert html.count("<figure>") == 1 and "data:image/png;base64," in html
    assert 'alt="Page 2 of zoo.pdf as the file has it; the passage is marked."' in html
    assert html.count('<rect class=""') == 2 and html.count('<rect class="strong"') == 1
    assert "Zebras" not in html, "only its own page"
    whole = ask(room, ways(html)["Whole document"])
    assert "Zebras" in whole and "<figure>" not in whole and marked(whole) == marked(html)
    assert whole.count('<span class="page">') == 2


def test_a_file_put_in_the_place_of_a_pdf_has_no_picture_of_it(room: Room) -> None:
    lions = next(chunk for chunk in room.chunks("zoo.pdf") if chunk.page == 2)
    (room.settings.corpus / "zoo.pdf").write_bytes(b"%PDF-1.4 broken")
    html = ask(room, place(lions))
    assert "<figure>" not in html and marked(html) == [lions.text]
    assert "damaged" in notes(html)[0]


# --- chunk by chunk


def test_chunks_are_shown_as_the_bot_sees_them(room: Room) -> None:
    html = ask(room, links.chunks("birds.md"))
    assert "2 chunks of at most 40 tokens, as fake counts them" in html
    assert "No two overlap." in html
    articles = re.findall(r'<article id="chunk-(\d)">(.*?)</article>', html, re.DOTALL)
    assert [number for number, _ in articles] == ["0", "1"]
    start = BIRDS.index("Owls hunt")
    for part in (
        "Chunk 1 of 2",
        "<p>Owls</p>",
        f"characters {start} to {start + 35} (35)",
        "9 of 40 tokens",
        "Owls. Owls hunt at night. They hear well.",  # what is embedded
        escape(place(room.chunks("birds.md")[0])),
    ):
        assert part in articles[0][1], part
    assert "page 2" in ask(room, links.chunks("zoo.pdf"))


def test_an_overlap_is_shown() -> None:
    chunks = [
        indexed("a", "one two", end=7, of=2),
        indexed("b", "two three", start=4, end=13, number=1, of=2),
    ]
    rows = reading.inspected(chunks, range(2), FakeEmbedder().real)
    assert [(row.overlap, row.tokens, row.embedded) for row in rows] == [(0, 2, ""), (3, 2, "")]
    book = reading.Opened("a.md", "A", "", (), chunks, (), None, b"")
    html = reader_page.chunks(book, rows, 40, "fake", 0)
    assert '<span class="overlap">two</span> three' in html
    assert "its first 3 characters are also in the chunk before it" in html
    assert "What a chunk has of the one before it is marked." in html
    assert "What is embedded" not in html, "it cannot be told"


def test_many_chunks_come_in_parts(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_page, "PART", 2)
    text = "".join(f"## Part {n}\n\nText {n}.\n\n" for n in range(5))
    write_files(room.settings.corpus, {"many.md": text})
    again(room)

    def numbers(html: str) -> list[str]:
        return re.findall(r"<h2>Chunk (\d) of 5", html)

    first = ask(room, links.chunks("many.md"))
    assert numbers(first) == ["1", "2"] and "2 before" not in ways(first)
    second = ask(room, ways(first)["2 more →"])
    assert numbers(second) == ["3", "4"]
    assert numbers(ask(room, ways(second)["2 more →"])) == ["5"]
    assert numbers(ask(room, ways(second)["← 2 before"])) == ["1", "2"]
    assert numbers(ask(room, links.chunks("many.md", 3))) == ["3", "4"]
    assert numbers(ask(room, links.chunks("many.md", 99))) == ["5"]


# --- the route


@pytest.fixture
def client(room: Room) -> Callable[[str], Any]:
    return TestClient(Starlette(routes=[reader.route(room)])).get


def test_the_route_lets_nothing_run_or_load(room: Room, client: Callable[[str], Any]) -> None:
    owls, _ = room.chunks("birds.md")
    for address, status in ((place(owls), 200), ("reader?document=%2Fetc%2Fpasswd", 404)):
        found = client(address)
        assert found.status_code == status
        assert found.headers["content-type"] == "text/html; charset=utf-8"
        assert found.headers["x-content-type-options"] == "nosniff"
        policy = found.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "script" not in policy
        assert "frame-ancestors 'self'" in policy
        style = re.search("<style>(.*?)</style>", found.text, re.DOTALL)
        assert style
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in policy, "its own style, and no other"


def test_a_room_that_opens_says_so(tmp_path: Path) -> None:
    room = Room(settings_in(tmp_path))
    room.doing = "reading 3 of 10 documents"
    html = ask(room, links.document("birds.md"), 503)
    assert notes(html) == ["The documents are not open yet: reading 3 of 10 documents."]
    room.error = WhybotError("No embedder.", "whybot models fetch")
    assert notes(ask(room, links.document("a.md"), 503)) == [
        "No embedder. Mend it with: whybot models fetch"
    ]


def test_an_index_made_otherwise_is_said(room: Room) -> None:
    room._embedder = FakeEmbedder(name="another").real
    assert "made with other settings" in notes(ask(room, links.document("birds.md"), 503))[0]


# --- the document about the bot


def test_the_document_about_the_bot_is_read_as_it_is_now(room: Room) -> None:
    assert "not open yet" in ask(room, links.document(about.NAME), 503)
    with Index.read(room.settings, fingerprint(FakeEmbedder().real)) as index:
        retriever = Retriever(index, FakeEmbedder().real)
        room._bot = Bot(room.settings, retriever, chosen(FakeChat(replies=[])), about.About())
        html = ask(room, links.document(about.NAME))
        assert f"{room.settings.top_k} passages" in html
        assert any("about the bot" in note for note in notes(html))
        assert "What chunk size do you use?" in ask(room, links.chunks(about.NAME))
        room._bot = replace(room._bot, settings=replace(room.settings, top_k=7))
        assert "7 passages" in ask(room, links.document(about.NAME))
