"""Bytes to a Document: its text, and where its headings and pages begin in that text.

There are five formats, chosen by the suffix of the name. No file is opened here: the caller brings
the bytes.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from ingest.blocks import Block, docx_blocks, html_blocks
from ingest.errors import DocumentUnreadable

PDFIUM = threading.Lock()  # pdfium keeps global state: two threads must not be in it at once
PDFIUM_SIGNS = {0xFFFE: "-", 2: "-", 0: None}  # its marks for a hyphen at a line's end; padding
_NEWLINE = re.compile(r"\r\n?|\n")  # the line ends that Markdown knows; str.splitlines has more
_FRONT_MATTER = re.compile(
    r"---[ \t]*\n(?:[ \t]*\n|[ \t]*#.*\n)*[\w\"'][^\n:]*:[^\n]*\n(?:.*\n)*?(?:---|\.\.\.)[ \t]*$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Heading:
    """Mark a section's heading: its line is text[start:end], and its body begins at end."""

    start: int
    end: int
    level: int  # 1 is the highest; the title paragraph of a DOCX file has 0
    title: str  # without markup, and without a colon at its end


@dataclass(frozen=True)
class Document:
    """Hold one file of the corpus as text; every offset counts characters of that text."""

    name: str
    text: str
    title: str
    headings: tuple[Heading, ...]
    pages: tuple[int, ...]  # where each page begins; empty when the format has no pages
    sha256: str  # of the file's bytes


@dataclass(frozen=True)
class _Content:
    """Hold what a reader makes of bytes; an empty title means that the file states none."""

    text: str
    headings: tuple[Heading, ...] = ()
    pages: tuple[int, ...] = ()
    title: str = ""


def read_document(name: str, data: bytes) -> Document:
    """Read a file's bytes by the suffix of its name.

    Raises DocumentUnreadable with the reason.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in SUFFIXES:
        known = " ".join(sorted(SUFFIXES))
        raise DocumentUnreadable(f"unsupported kind {suffix or '(no suffix)'}: use {known}")
    if not data.strip():
        raise DocumentUnreadable("it is empty")
    content = SUFFIXES[suffix](data)
    if not content.text.strip():
        hint = " (scanned pages need OCR first)" if content.pages else ""
        raise DocumentUnreadable(f"it holds no text{hint}")
    title = content.title or PurePath(name).stem
    digest = hashlib.sha256(data).hexdigest()
    return Document(name, content.text, title, content.headings, content.pages, digest)


def _read_plain(data: bytes) -> _Content:
    return _Content(_decoded(data, "utf-8"))


def _read_markdown(data: bytes) -> _Content:
    from markdown_it import MarkdownIt

    text = _decoded(data, "utf-8")
    lines = [0, *(match.end() for match in _NEWLINE.finditer(text)), len(text)]
    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(["normalize", "block"])  # inline markup is parsed in headings only
    env: dict[str, Any] = {}
    tokens = parser.parse(_without_front_matter(text), env)
    headings: list[Heading] = []
    for opening, content in itertools.pairwise(tokens):
        if opening.type == "heading_open" and opening.level == 0 and opening.map:
            title = _heading_title(_inline_text(parser, content.content, env))
            first, last = opening.map
            if title:
                headings.append(Heading(lines[first], lines[last], int(opening.tag[1:]), title))
    return _Content(text, tuple(headings), title=_leading_title(headings))


def _inline_text(parser: Any, source: str, env: dict[str, Any]) -> str:
    tokens: list[Any] = []
    parser.inline.parse(source, parser, env, tokens)
    shown = ("text", "text_special", "code_inline", "image")
    breaks = ("softbreak", "hardbreak")
    return "".join(
        " " if token.type in breaks else token.content
        for token in tokens
        if token.type in shown + breaks
    )


def _without_front_matter(text: str) -> str:
    """Blank YAML front matter out, line for line: its closing rule would underline a heading."""
    text = _NEWLINE.sub("\n", text)
    found = _FRONT_MATTER.match(text)
    return "\n" * found[0].count("\n") + text[found.end() :] if found else text


def _read_html(data: bytes) -> _Content:
    stated, blocks = html_blocks(_decoded_html(data))
    text, headings = _assembled(blocks)
    first = next((heading.title for heading in headings if heading.level == 1), "")
    return _Content(text, headings, title=first or stated)


def _decoded_html(data: bytes) -> str:
    """Decode by the byte-order mark, else by the declared charset, else as UTF-8."""
    from bs4.dammit import EncodingDetector

    rest, marked = EncodingDetector.strip_byte_order_mark(data)
    if marked:
        return _decoded(rest, marked)
    declared = EncodingDetector.find_declared_encoding(data, is_html=True) or "utf-8"
    # As browsers do: Latin-1 stands for its superset, and a charset that could be declared in
    # single bytes is not UTF-16.
    stands_for = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "us-ascii": "cp1252"}
    charset = "utf-8" if declared.startswith("utf-16") else stands_for.get(declared, declared)
    try:
        return _decoded(data, charset)
    except LookupError:
        raise DocumentUnreadable(f"it declares the unknown charset {declared!r}") from None


def _read_docx(data: bytes) -> _Content:
    stated, blocks = docx_blocks(data)
    text, headings = _assembled(blocks)
    return _Content(text, headings, title=_leading_title(headings) or stated)


def _assembled(blocks: Iterable[Block]) -> tuple[str, tuple[Heading, ...]]:
    """Join blocks, and note where their headings came to lie."""
    parts: list[str] = []
    headings: list[Heading] = []
    offset = 0
    previous: Block | None = None
    for block in blocks:
        if previous:
            parts.append("\n" if block.run and block.run == previous.run else "\n\n")
            offset += len(parts[-1])
        parts.append(block.text)
        title = "" if block.level is None else _heading_title(block.text)
        if block.level is not None and title:
            headings.append(Heading(offset, offset + len(block.text), block.level, title))
        offset += len(block.text)
        previous = block
    return "".join(parts), tuple(headings)


def _read_pdf(data: bytes) -> _Content:
    with PDFIUM:
        import pypdfium2

        try:
            with pypdfium2.PdfDocument(data) as pdf:
                texts = [_page_text(page) for page in pdf]
                outline = [
                    (bookmark.get_title(), bookmark.level + 1, target.get_index())
                    for bookmark in pdf.get_toc()
                    if (target := bookmark.get_dest())
                ]
                title = " ".join(pdf.get_metadata_value("Title").split())
        except pypdfium2.PdfiumError as error:
            if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
                reason = "it is encrypted: save a copy without a password"
            else:
                reason = f"damaged: {error}"
            raise DocumentUnreadable(reason) from None
    pages = [0]
    for text in texts[:-1]:
        pages.append(pages[-1] + len(text) + 1)
    headings = _outline_headings(texts, pages, outline)
    return _Content("\n".join(texts), headings, tuple(pages), title)


def _page_text(page: Any) -> str:
    textpage = page.get_textpage()
    text = str(textpage.get_text_bounded())
    textpage.close()
    page.close()
    return _NEWLINE.sub("\n", text).translate(PDFIUM_SIGNS).strip()


def _outline_headings(
    texts: list[str], pages: list[int], outline: list[tuple[str, int, int | None]]
) -> tuple[Heading, ...]:
    """Find each bookmark's title as a whole line of its page; those not found are no headings."""
    found: dict[int, Heading] = {}
    for title, level, page in outline:
        if page is None or not _line_key(title):
            continue
        for line in re.finditer(r"[^\n]+", texts[page]):
            start = pages[page] + line.start()
            if _line_key(line[0]) == _line_key(title) and start not in found:
                end = pages[page] + line.end()
                found[start] = Heading(start, end, level, _heading_title(title))
                break
    return tuple(found[start] for start in sorted(found))


def _line_key(line: str) -> str:
    """Make lines comparable: bookmarks often lack the section's number."""
    return re.sub(r"^\d[\d.]*\s+", "", " ".join(line.split())).casefold()


def _heading_title(text: str) -> str:
    return " ".join(text.split()).rstrip(":： ")


def _leading_title(headings: list[Heading] | tuple[Heading, ...]) -> str:
    return headings[0].title if headings and headings[0].level <= 1 else ""


def _decoded(data: bytes, charset: str) -> str:
    if charset == "utf-8":
        data = data.removeprefix(b"\xef\xbb\xbf")
    # UTF-16 is full of NUL bytes and no binary file; as UTF-8 it fails at its first byte.
    wide = charset.startswith(("utf-16", "utf-32")) or data[:2] in (b"\xff\xfe", b"\xfe\xff")
    if b"\0" in data and not wide:
        raise DocumentUnreadable("it is a binary file")
    try:
        return data.decode(charset)
    except UnicodeDecodeError as error:
        byte = data[error.start]
        raise DocumentUnreadable(
            f"it is not {charset.upper()} (byte 0x{byte:02x} at offset {error.start})"
        ) from None


SUFFIXES: dict[str, Callable[[bytes], _Content]] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".txt": _read_plain,
    ".text": _read_plain,
    ".rst": _read_plain,
    ".html": _read_html,
    ".htm": _read_html,
    ".pdf": _read_pdf,
    ".docx": _read_docx,
}
"""What can be read: a file's suffix, in lower case, and the function that reads its bytes."""
