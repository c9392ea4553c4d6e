"""RTF: paragraphs, headings by their outline level, list items and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ingest.errors import DocumentUnreadable
from ingest.readers.content import Block, Content, assembled, leading_title, pairs, table
from ingest.readers.package import counted
from ingest.readers.runs import joined
from ingest.readers.stated import iso_date, proper_title, stated_version

LARGEST = 40_000_000  # bytes, without pictures
FONTS = 60_000  # characters of a table of fonts, beyond which it is not read

# Signs that stand for control words which the library drops; no RTF text holds them itself.
_RAISED, _STRUCK, _END, _CELL, _ROW, _BEGIN, _LEVEL, _NOTE, _OUT = map(chr, range(0x0E, 0x17))
_SIGNS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_WORDS = (
    (re.compile(r"\\(?:nest)?cell(?![a-z]) ?"), _CELL),
    (re.compile(r"\\(?:nest)?row(?![a-z]) ?"), _ROW),
    # The description of nested rows is marked as one that old readers may skip.
    (re.compile(r"\\\*\\nesttableprops(?![a-z]) ?"), ""),
    (
        re.compile(r"\\pard(?![a-z])(?!(?:\\[a-z]+-?\d* ?|\s){0,60}\\intbl(?![a-z]))"),
        rf"{_OUT}\\pard",
    ),
    (re.compile(r"\\trowd(?![a-z]) ?"), rf"\\trowd {_BEGIN}"),
    (re.compile(r"\\outlinelevel([0-8])(?!\d) ?"), rf"\\outlinelevel\1 {_LEVEL}\1"),
    (re.compile(r"\\footnote(?![a-z]) ?"), rf" {_NOTE}"),
    (re.compile(r"\\(?:chftn|ftnalt|pntext|listtext)(?![a-z]) ?"), " "),
    # What a field does is left out; the library looks for links in it, in quadratic time.
    (re.compile(r"\\fldinst(?![a-z])"), r"\\datafield"),
    (
        re.compile(r"\\super(?![a-z0-9]) ?([^{}]{0,200}?)(?=[{}]|\\nosupersub)"),
        f"{_RAISED}\\1{_END}",
    ),
    (
        re.compile(r"\\strike(?![a-z0-9]) ?([^{}]{0,500}?)(?=[{}]|\\strike0)"),
        f"{_STRUCK}\\1{_END}",
    ),
)
_DATE = re.compile(r"\\(revtim|creatim)\\yr(\d{4})\\mo(\d{1,2})\\dy(\d{1,2})")
_TITLE = re.compile(r"\{\\title ([^{}]{1,300})\}")
_PICTURE = re.compile(r"\\pict(?![a-z])")
_HEX = re.compile(r"[0-9a-fA-F\s]{400,}")  # a picture's bytes, in which no text stands
_RAW = re.compile(rb"\\bin(\d{0,9})(?![a-z\d]) ?")
_BULLET = re.compile(r"[·•▪◦\uf0b7o§-]\t[ \t]*")
_NUMBER = re.compile(r"(\(?(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z]|[ivxIVX]{1,5})[.)])\t[ \t]*")


def read(data: bytes) -> Content:
    """Read RTF. Raises DocumentUnreadable when it is none, damaged or too large."""
    from striprtf.striprtf import rtf_to_text

    if not data.lstrip().startswith(b"{\\rtf"):
        raise DocumentUnreadable("it is no RTF file: save it as .rtf")
    source = _HEX.sub("", _SIGNS.sub("", _unfilled(data).decode("cp1252", "replace")))
    if len(source) > LARGEST:
        raise DocumentUnreadable(f"it holds {len(source) // 1_000_000} MB: too large, so split it")
    pictures = len(_PICTURE.findall(source.replace("\\nonshppict{\\pict", "")))
    found = {kind: (y, m, d) for kind, y, m, d in _DATE.findall(source)}
    year, month, day = found.get("revtim") or found.get("creatim") or ("", "", "")
    stated = _TITLE.search(source)
    marked = source.replace("\\fonttbl", "\\filetbl") if _fonts(source) > FONTS else source
    for word, sign in _WORDS:
        marked = word.sub(sign, marked)
    try:
        text: str = rtf_to_text(marked, errors="replace")  # type: ignore[no-untyped-call]
        name = ""
        if stated:
            info = "{\\rtf1 " + stated[1] + "}"
            name = rtf_to_text(info, errors="replace")  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, LookupError, OverflowError, AttributeError) as error:
        raise DocumentUnreadable(f"damaged: {error}") from None
    # Signs beyond the first 65,536 come as two halves.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    content = assembled(
        _blocks(text),
        date=iso_date(f"{year}-{month:0>2}-{day:0>2}"),
        remarks=counted([(pictures, "picture without text", "pictures without text")]),
    )
    leading = leading_title(content.headings)
    return replace(
        content, title=proper_title(name) or leading, version=stated_version(content.text)
    )


def _unfilled(data: bytes) -> bytes:
    """Cut out raw bytes, of which a control word says how many follow."""
    parts = []
    start = 0
    while found := _RAW.search(data, start):
        parts.append(data[start : found.start()])
        count = int(found[1] or 0)
        start = found.end() + (count if found.end() + count <= len(data) else 0)
    return b" ".join([*parts, data[start:]])


def _fonts(source: str) -> int:
    """Return the length of the table of fonts, which the library reads in quadratic time."""
    start = source.find("\\fonttbl")
    depth = 1
    for brace in re.finditer(r"[{}]", source[start:]) if start >= 0 else ():
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return brace.start()
    return len(source) - start if start >= 0 else 0


def _blocks(text: str) -> Iterator[Block]:
    rows: list[list[str]] = []
    row: list[str] = []
    waiting = ""  # text of which the next sign says whether it is a cell's
    outside = True
    for piece in re.split(f"([{_CELL}{_ROW}{_BEGIN}{_OUT}])", text):
        if piece == _CELL:
            if outside and not row:
                before, _, waiting = waiting.rpartition("\n")
                yield from _flushed(rows, before)
            row.append(" ".join(_written(waiting).split()))
            waiting, outside = "", False
        elif piece == _ROW:
            rows += [row] if row else []
            row, outside = [], False
        elif piece in (_BEGIN, _OUT) and not row:
            # A row's description may stand before its cells, behind them, or both.
            if waiting.strip():
                yield from _flushed(rows, waiting)
                waiting = ""
            outside = piece == _OUT
        elif piece not in (_BEGIN, _OUT):
            waiting += piece
    yield from _flushed([*rows, row] if row else rows, waiting.strip())


def _flushed(rows: list[list[str]], text: str) -> Iterator[Block]:
    """Yield a table that is complete, and the paragraphs below it."""
    if text.strip() or not text:
        width = max(map(len, rows), default=0)
        first = next((n for n, row in enumerate(rows) if sum(map(bool, row)) > 1), len(rows))
        if 0 < first < len(rows) and width > 1:  # lines across the table are captions
            yield from (Block(cell) for row in rows[:first] for cell in row if cell)
            del rows[:first]
        yield from table(rows, int(len(rows) > 1 and not pairs(rows)))
        rows.clear()
        yield from _paragraphs(text)


def _paragraphs(text: str) -> Iterator[Block]:
    for line in text.split("\n"):
        level = None
        while found := re.search(f"{_LEVEL}([0-8])", line):
            level = int(found[1]) + 1
            line = line[: found.start()] + line[found.end() :]
        main, *notes = line.split(_NOTE)
        written = _written(main).strip()
        if level is not None and written:
            yield Block(" ".join(written.split()), level=level)
        elif bullet := _BULLET.match(written):
            yield Block(f"- {written[bullet.end() :]}", run="item")
        elif number := _NUMBER.match(written):
            yield Block(f"{number[1]} {written[number.end() :]}", run="item")
        elif written:
            yield Block(written)
        yield from (Block(f"Note: {note}") for note in map(str.strip, map(_written, notes)) if note)


def _written(text: str) -> str:
    """Write marked runs out, and drop the marks of what the library has dropped."""
    pieces: list[tuple[str, str]] = []
    mark = ""
    for piece in re.split(f"([{_RAISED}{_STRUCK}{_END}])", text):
        if piece in (_RAISED, _STRUCK, _END):
            mark = {_RAISED: "raised", _STRUCK: "struck"}.get(piece, "")
        else:
            pieces.append((piece, mark))
    return _SIGNS.sub(" ", joined(pieces)).replace("\xad", "")
