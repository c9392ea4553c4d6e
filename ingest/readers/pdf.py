"""PDF: paragraphs, tables and headings of its pages, what its form holds, and its properties."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ingest.counts import many
from ingest.errors import DocumentUnreadable
from ingest.readers import ocr
from ingest.readers.content import Block, Content, Heading, assembled, heading_title, table
from ingest.readers.pdf_chars import Char, Sheet, sheet_of, wide
from ingest.readers.pdf_furniture import is_edge, running_lines
from ingest.readers.pdf_headings import body_of, levels_of
from ingest.readers.pdf_layout import Paragraph, blocks_of
from ingest.readers.pdf_lines import Row, rows_of
from ingest.readers.pdf_tables import Cell, Grid
from ingest.readers.pdf_text import NONE, Spelling, spelled
from ingest.readers.stated import proper_title

PDFIUM = threading.Lock()  # pdfium keeps global state: two threads must not be in it at once
UNREAD = 0.3  # of a page's signs without a letter, and nobody can read it
MIDDLE = 0.265  # of the type size: a line's middle lies so far above its base
NOTE = 0.92  # of the body's type size: a footnote's is no larger
OPEN = frozenset(  # words that no paragraph ends with
    "a an the of to in on at by for from with and or nor but if that which who is are was were be"
    " not no as than into der die das dem den des ein eine und oder von zu im am mit für auf le la"
    " les un une de du des et ou à en el los y o del".split()
)
TOP = 5  # blocks of the first page that may be the title
OUTLINE = 5000  # bookmarks that are looked at

_DATE = re.compile(r"D:(\d{4})(\d\d)(\d\d)")
_BULLETS = frozenset("•▪◦●○–—*·➢›")
_ENDED = re.compile(r"[.!?:;。！？：…][\"'”’»)\]]*$")
_VERSION = re.compile(
    r"(replaces version .{1,40})|\b(?:version|revision|rev\.|issue|edition):? (\d[\w.-]{0,12})",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\d{1,3}(?:\.\d+)*\.?\s")


@dataclass
class _Page:
    sheet: Sheet
    rows: list[Row]
    scanned: bool = False  # read by OCR
    faint: int = 0  # lines that OCR is not sure of


@dataclass
class _Part:
    """A paragraph or table, and the pages that begin at some of its lines."""

    block: Paragraph | Grid
    page: int  # counted from 0
    level: int | None = None
    title: str = ""  # as a bookmark has it
    breaks: list[tuple[int, int]] = field(default_factory=list)  # line, page


def read(data: bytes) -> Content:
    """Read PDF.

    Raises DocumentUnreadable for a file that is encrypted or damaged, or whose letters cannot be
    told.
    """
    with opened(data) as (pdf, form):
        pages = []
        for n in range(len(pdf)):
            page = page_of(pdf, n, form)
            for row in page.rows:
                for piece in row:
                    for word in piece.words:
                        word.shed()
            page.sheet.chars = []
            pages.append(page)
        outline = _outline(pdf)
        title = _property(pdf, "Title")
        date = _DATE.match(_property(pdf, "ModDate") or _property(pdf, "CreationDate"))
    remarks = _take_unreadable(pages)
    gone, words = running_lines([(page.sheet.height, page.rows) for page in pages])
    if words:
        remarks.append(
            f"{many(len(words), 'running head or foot', 'running heads and feet')} left out: "
            + ", ".join(f'"{text[:60]}"' for text in words[:3])
        )
    remarks += _counted(pages)
    if not any(page.rows for page in pages) and any(page.sheet.pictures for page in pages):
        raise DocumentUnreadable(remarks[0])  # how many pages wait for OCR, or OCR reads nothing on
    spelling = Spelling()
    parts = _flow(pages, gone, outline, spelling)
    content = _written(parts, spelling, len(pages))
    return replace(
        content,
        title=_title(title, parts),
        date="-".join(date.groups()) if date else "",
        version=_version(parts, words),
        remarks=tuple(remarks),
    )


@contextmanager
def opened(data: bytes) -> Iterator[tuple[Any, Any]]:
    """Open a file with pdfium, and its form where it has one; nobody else is in pdfium meanwhile.

    Raises DocumentUnreadable.
    """
    with PDFIUM:
        import pypdfium2

        try:
            with pypdfium2.PdfDocument(data) as pdf:
                form = None
                if pdf.get_formtype() != pypdfium2.raw.FORMTYPE_NONE:
                    pdf.init_forms()
                    form = pdf.formenv.raw if pdf.formenv else None
                yield pdf, form
        except pypdfium2.PdfiumError as error:
            if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
                reason = "it is encrypted: save a copy without a password"
            else:
                reason = f"damaged: {error}"
            raise DocumentUnreadable(reason) from None


def page_of(pdf: Any, number: int, form: Any) -> _Page:
    """Read one page, counted from 0; one that pdfium cannot load is empty.

    A picture of text is read by OCR where that is installed: seconds a page.
    """
    import pypdfium2

    try:
        page = pdf[number]
    except pypdfium2.PdfiumError:
        return _Page(Sheet(), [])
    try:
        sheet = sheet_of(page, form)
        found = _Page(sheet, rows_of(sheet.chars))
        if (_unreadable(found) or (sheet.pictures and not found.rows)) and ocr.available():
            _read_picture(page, found)
    finally:
        page.close()
    return found


def _read_picture(page: Any, found: _Page) -> None:
    """Put what OCR reads on a page in the place of its text; it may be nothing."""
    width, height = page.get_size()
    scale = ocr.LONGEST / max(width, height, 1)
    bitmap = page.render(scale=scale)
    try:
        convert = bitmap.get_posconv(page)
        image = bitmap.to_pil()
        lines, turns = ocr.read_turned(image)
    finally:
        bitmap.close()
    found.scanned = True
    if not lines:
        return
    sheet = found.sheet
    if turns % 2:
        width, height = height, width
    sheet.width, sheet.height = width, height
    sheet.unread = sheet.pictures = 0
    sheet.fields, sheet.chars = [], []
    for line in lines:
        size = line.size / scale
        base = height - line.middle / scale - MIDDLE * size
        for word in line.words:
            left, top, right, bottom = word.box
            source = NONE - 1 - len(sheet.fields)
            x, y = zip(
                convert.to_page(*_unturned(left, top, turns, image.size)),
                convert.to_page(*_unturned(right, bottom, turns, image.size)),
                strict=True,
            )
            sheet.fields.append((min(x), min(y), max(x), max(y)))
            wide = (right - left) / len(word.text) / scale
            for n, sign in enumerate(word.text):
                start = left / scale + n * wide
                above, below = base + 0.75 * size, base - 0.22 * size
                edges = (start, below, start + wide, above)
                sheet.chars.append(Char(sign, *edges, base, size, False, 0, source, not n))
    found.faint = sum(line.sure < ocr.FAINT for line in lines)
    found.rows = rows_of(sheet.chars)


def _unturned(x: float, y: float, turns: int, size: tuple[int, int]) -> tuple[int, int]:
    """Return where a point of a turned picture was before, in pixels."""
    width, height = size
    was = ((x, y), (width - y, x), (width - x, height - y), (y, height - x))[turns]
    return round(was[0]), round(was[1])


def _property(pdf: Any, name: str) -> str:
    from pypdfium2 import raw

    key = name.encode()
    return _cleaned(wide(lambda buffer, size: raw.FPDF_GetMetaText(pdf.raw, key, buffer, size)))


def page_words(
    pdf: Any, number: int, form: Any, text: str
) -> tuple[list[tuple[str, list[int]]], list[tuple[float, float, float, float]]]:
    """Return a page's words in the order of its text, with pdfium's index of each sign.

    number: counted from 0. text: of the page, as `read` has it; a running line is not in it. An
    index below NONE is of a form's field, whose rectangles come second; -2 is the first.
    """
    held = _bare(text)
    if not held:
        return [], []
    page = page_of(pdf, number, form)
    rows = [
        row
        for row in page.rows
        if not is_edge(page.sheet.height, row) or any(_bare(piece.text) in held for piece in row)
    ]
    words: list[tuple[str, list[int]]] = []
    spelling = Spelling()
    for block in blocks_of(page.sheet, rows):
        runs = (
            [block.lines]
            if isinstance(block, Paragraph)
            else [block.caption, *(cell for row in block.rows for cell in row)]
        )
        for run in runs:
            written = spelled(run, spelling)
            signs = str(written)
            for found in re.finditer(r"\S+", signs):
                words.append((found[0], written.sources[found.start() : found.end()]))
    return words, page.sheet.fields


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _cleaned(text: str) -> str:
    return " ".join(re.sub(r"[\ud800-\udfff\ufffd-\uffff\0-\x1f]", " ", text).split())


def _outline(pdf: Any) -> list[tuple[str, int, int]]:
    """Return the bookmarks that name a page: title, level, index of the page."""
    found = []
    for bookmark in pdf.get_toc():
        target = bookmark.get_dest()
        page = target.get_index() if target else None
        title = _bookmark_title(bookmark)
        if page is not None and 0 <= page < len(pdf) and _line_key(title):
            found.append((title, bookmark.level + 1, page))
        if len(found) == OUTLINE:
            break
    return found


def _bookmark_title(bookmark: Any) -> str:
    from pypdfium2 import raw

    return _cleaned(
        wide(lambda buffer, size: raw.FPDFBookmark_GetTitle(bookmark.raw, buffer, size))
    )


def _take_unreadable(pages: Sequence[_Page]) -> list[str]:
    """Empty the pages whose letters the file does not tell; return a remark on them.

    Raises DocumentUnreadable when no other page has text.
    """
    unread = []
    readable = 0
    for page in pages:
        if _unreadable(page):
            unread.append(page)
            page.rows = []
        elif page.rows:
            readable += 1
    if unread and not readable:
        raise DocumentUnreadable(f"its letters cannot be read{_remedy(unread)}")
    if not unread:
        return []
    return [f"{many(len(unread), 'page')} left out whose letters cannot be read{_remedy(unread)}"]


def _remedy(pages: Sequence[_Page]) -> str:
    return "" if any(page.scanned for page in pages) else f", which needs OCR: {ocr.COMMAND}"


def _unreadable(page: _Page) -> bool:
    """Tell whether the file does not say which letters a page shows."""
    signs = sum(len(word.text) for row in page.rows for piece in row for word in piece.words)
    lost = page.sheet.unread
    return bool(lost) and lost >= UNREAD * max(signs, lost)


def _waits(page: _Page) -> bool:
    """Tell whether a page is a picture that nobody has read."""
    return not page.rows and page.sheet.pictures > 0 and not (page.scanned or page.sheet.unread)


def _counted(pages: Sequence[_Page]) -> list[str]:
    remarks = []
    blank = [page for page in pages if not page.rows and not page.sheet.unread]
    if scanned := sum(_waits(page) for page in pages):
        count = f"{many(scanned, 'page')} without text, which {_need(scanned)} OCR"
        remarks.append(f"{count}: {ocr.COMMAND}")
    if read := sum(page.scanned and bool(page.rows) for page in pages):
        remarks.append(f"{many(read, 'page')} read by OCR")
    if faint := sum(page.faint for page in pages):
        remarks.append(f"{many(faint, 'line')} that OCR is not sure of")
    if bare := sum(page.scanned for page in blank):
        remarks.append(f"{many(bare, 'page')} on which OCR finds no text")
    if empty := len(blank) - scanned - bare:
        remarks.append(f"{many(empty, 'page')} without text")
    if pictures := sum(page.sheet.pictures for page in pages if page.rows):
        remarks.append(f"{many(pictures, 'picture')} without text")
    if comments := sum(page.sheet.comments for page in pages):
        remarks.append(f"{many(comments, 'comment')} left out")
    return remarks


def _need(number: int) -> str:
    return "needs" if number == 1 else "need"


def _flow(
    pages: Sequence[_Page],
    gone: Sequence[set[int]],
    outline: Sequence[tuple[str, int, int]],
    spelling: Spelling,
) -> list[_Part]:
    """Return the paragraphs and tables of all pages in order, with their headings marked."""
    marks: dict[int, list[tuple[str, int]]] = {}
    for title, level, page in outline:
        marks.setdefault(page, []).append((title, level))
    parts: list[_Part] = []
    marked = 0
    for number, held in enumerate(pages):
        rows = [row for n, row in enumerate(held.rows) if n not in gone[number]]
        found = [_Part(block, number) for block in blocks_of(held.sheet, rows)]
        for title, level in marks.get(number, ()):
            marked += _mark(found, title, level)
        parts += found
        held.rows = []
    paragraphs = [part.block for part in parts if isinstance(part.block, Paragraph)]
    for part in parts:
        spelling.learn(_lines(part.block))
    spelling.settle()
    body = body_of(paragraphs)
    if not marked:
        followed = bool(parts) and not isinstance(parts[-1].block, Paragraph)
        levels = levels_of(paragraphs, body, followed)
        apart = [part for part in parts if isinstance(part.block, Paragraph)]
        for n, level in levels.items():
            apart[n].level = level
        parts = _whole_headings(parts, body[0])
    return _continued(parts, body[0])


def _lines(block: Paragraph | Grid) -> list[list[str]]:
    if isinstance(block, Paragraph):
        return [[word.text for word in line] for line in block.lines]
    cells = [cell for row in block.rows for cell in row]
    return [[word.text for word in line] for cell in cells for line in [*cell, []]]


def _mark(parts: list[_Part], title: str, level: int) -> int:
    """Make a heading of the lines that a bookmark names, apart from the lines around."""
    key = _line_key(title)
    for at, part in enumerate(parts):
        block = part.block
        if not isinstance(block, Paragraph) or part.level is not None:
            continue
        texts = [" ".join(word.text for word in line) for line in block.lines]
        for first in range(len(texts)):
            said = ""
            for last in range(first, min(first + 3, len(texts))):
                said = f"{said} {texts[last]}".strip()
                if _line_key(said) == key:
                    cuts = [(0, first), (first, last + 1), (last + 1, len(texts))]
                    pieces = [
                        _Part(replace(block, lines=block.lines[low:high]), part.page)
                        for low, high in cuts
                    ]
                    pieces[1].level, pieces[1].title = level, title
                    parts[at : at + 1] = [
                        piece for piece, (low, high) in zip(pieces, cuts, strict=True) if low < high
                    ]
                    return 1
    return 0


def _line_key(line: str) -> str:
    """Make lines comparable: bookmarks often lack the section's number."""
    key = re.sub(r"^\d[\d.]*\s+", "", " ".join(line.split())).casefold()
    return "".join(key.split())


def _continued(parts: list[_Part], size: float) -> list[_Part]:
    """Join what a column's or page's end has cut in two; footnotes make room for it."""
    found: list[_Part] = []
    for part in parts:
        at = len(found) - 1
        # Footnotes stand between the halves of a sentence: they go before it.
        while at >= 0 and _is_note(found[at], size) and found[at].page == part.page - 1:
            at -= 1
        if at >= 0 and _goes_on(found[at], part):
            last = found.pop(at)
            found.append(last)
            _join(last, part)
            continue
        if found:
            _continue_table(found[-1], part)
        found.append(part)
    return found


def _whole_headings(parts: Sequence[_Part], size: float) -> list[_Part]:
    """Join headings in large type that are lines of one."""
    found: list[_Part] = []
    for part in parts:
        last = found[-1] if found else None
        if last and part.level is not None and part.level == last.level and part.page == last.page:
            first, second = last.block, part.block
            assert isinstance(first, Paragraph) and isinstance(second, Paragraph)
            same = abs(first.size - second.size) < 0.02 * first.size and second.size >= 1.3 * size
            tight = second.above <= 1.2 and len(first.lines) < 3
            if same and tight and not _NUMBERED.match(second.text()):
                first.lines = [*first.lines, *second.lines]
                continue
        found.append(part)
    return found


def _is_note(part: _Part, size: float) -> bool:
    block = part.block
    return isinstance(block, Paragraph) and part.level is None and block.size < NOTE * size


def _goes_on(last: _Part, part: _Part) -> bool:
    first, second = last.block, part.block
    if not (isinstance(first, Paragraph) and isinstance(second, Paragraph)):
        return False
    if last.level is not None or part.level is not None or second.listed or last.page == part.page:
        # In one page only a new column cuts a paragraph: it begins higher up.
        column = (
            last.page == part.page
            and isinstance(second, Paragraph)
            and (second.top > first.bottom and second.left > first.left)
        )
        if not column or last.level is not None or part.level is not None or second.listed:
            return False
    if part.page - (last.breaks[-1][1] if last.breaks else last.page) > 1:
        return False
    if abs(first.size - second.size) > 0.06 * first.size or first.bold != second.bold:
        return False
    text, following = first.text().rstrip(), second.text()
    if _ENDED.search(text[-8:]):
        return False
    if text[-1:] in "-‐":
        return True
    flows = following[:1].islower() or text[-1:] == ","
    unended = text.rsplit(None, 1)[-1] in OPEN
    if flows or unended:
        return first.full > 0.3 or (unended and following[:1].islower())
    return first.full > 0.85 and len(first.lines) + len(second.lines) > 2


def _join(last: _Part, part: _Part) -> None:
    first, second = last.block, part.block
    assert isinstance(first, Paragraph) and isinstance(second, Paragraph)
    if part.page != (last.breaks[-1][1] if last.breaks else last.page):
        last.breaks.append((len(first.lines), part.page))
    first.lines = [*first.lines, *second.lines]
    first.full = second.full
    first.top, first.left = second.top, second.left


def _continue_table(last: _Part, part: _Part) -> None:
    """Take the head off a table that goes on with the one on the page before."""
    first, second = last.block, part.block
    if not (isinstance(first, Grid) and isinstance(second, Grid)) or not second.rows:
        return
    if len(first.rows[0]) != len(second.rows[0]) or part.page - last.page != 1:
        return
    if [_said(cell) for cell in first.rows[0]] == [_said(cell) for cell in second.rows[0]]:
        second.rows = second.rows[1:]
        second.heads = 0


def _said(cell: Cell) -> str:
    return " ".join(word.text for line in cell for word in line)


def _written(parts: Sequence[_Part], spelling: Spelling, count: int) -> Content:
    """Write all as text, with its headings, and note where each page's text begins."""
    blocks: list[Block] = []
    starts: list[tuple[int, int, int]] = []  # page, block, offset in the block
    side = 0
    for n, part in enumerate(parts):
        block = part.block
        starts.append((part.page, len(blocks), 0))
        if isinstance(block, Grid):
            before = parts[n - 1] if n else None
            side += before is None or not isinstance(before.block, Grid) or block.heads > 0
            if block.caption:
                blocks.append(Block(str(spelled(block.caption, spelling))))
            rows = [[str(spelled(cell, spelling)) for cell in row] for row in block.rows]
            heads = min(block.heads, max(len(rows) - 1, 0))
            blocks += table(rows, heads, run=f"row {side}")
            continue
        text = spelled(block.lines, spelling)
        indent = _indent(parts, n)
        written = indent + _marked(str(text), block)
        for line, page in part.breaks:
            starts.append((page, len(blocks), len(indent) + text.starts[line]))
        run, side = _run(parts, n, side)
        blocks.append(Block(written, part.level, run))
    content = assembled(blocks)
    titles = [part.title for part in parts if part.level is not None]
    content = replace(content, headings=_named(content.headings, titles))
    places: list[int] = []
    offset = 0
    for n, made in enumerate(blocks):
        if n:
            offset += 1 if made.run and made.run == blocks[n - 1].run else 2
        places.append(offset)
        offset += len(made.text)
    pages = [len(content.text)] * count
    for page, n, inside in reversed(starts):
        pages[page] = places[n] + inside if n < len(places) else len(content.text)
    for page in range(count - 2, -1, -1):
        pages[page] = min(pages[page], pages[page + 1])
    if pages:
        pages[0] = 0
    return replace(content, pages=tuple(pages))


def _named(headings: Sequence[Heading], titles: Sequence[str]) -> tuple[Heading, ...]:
    if len(headings) != len(titles):  # one without a letter or figure
        return tuple(headings)
    return tuple(
        replace(heading, title=heading_title(title)) if title else heading
        for heading, title in zip(headings, titles, strict=True)
    )


def _marked(text: str, block: Paragraph) -> str:
    """Write a list's sign as Markdown has it."""
    if block.listed and text[:1] in _BULLETS and text[1:2] == " ":
        return "-" + text[1:]
    return text


def _indent(parts: Sequence[_Part], n: int) -> str:
    """Return the blanks before a list's item, by how far the items above are drawn in."""
    block = parts[n].block
    if not isinstance(block, Paragraph) or not block.listed or parts[n].level is not None:
        return ""
    steps: list[float] = [block.left]
    for part in reversed(parts[max(n - 40, 0) : n]):
        other = part.block
        if not isinstance(other, Paragraph) or not other.listed or part.page != parts[n].page:
            break
        if other.left < steps[-1] - 0.6 * block.size:
            steps.append(other.left)
    return "  " * (len(steps) - 1)


def _run(parts: Sequence[_Part], n: int, side: int) -> tuple[str, int]:
    """Name the run of lines that a paragraph is in: no blank line stands between those."""
    if parts[n].level is not None:
        return "", side
    if not _near(parts, n):
        side += 1
    return (f"line{side}" if _near(parts, n) or _near(parts, n + 1) else ""), side


def _near(parts: Sequence[_Part], n: int) -> bool:
    """Tell whether a paragraph is a line by itself right under another such line."""
    if not 0 < n < len(parts) or parts[n].level is not None or parts[n - 1].level is not None:
        return False
    above, below = parts[n - 1].block, parts[n].block
    if not (isinstance(above, Paragraph) and isinstance(below, Paragraph)):
        return False
    if above.listed and below.listed:
        return True
    return len(above.lines) == len(below.lines) == 1 and 0 < below.above <= 1.35


def _title(stated: str, parts: Sequence[_Part]) -> str:
    """Return the file's title property, else the largest line at the top of the first page."""
    if proper_title(stated) and any(map(str.isalpha, stated)):
        return stated
    top = [
        part.block
        for part in parts[:TOP]
        if part.page == 0 and isinstance(part.block, Paragraph) and len(part.block.lines) <= 3
    ]
    largest = max(top, key=lambda block: block.size, default=None)
    others = [part.block.size for part in parts if part.block is not largest]
    body, _ = body_of([part.block for part in parts if isinstance(part.block, Paragraph)])
    if largest is None or largest.size < 1.15 * max([body, *others]):
        return ""
    text = str(spelled(largest.lines, Spelling()))
    if _NUMBERED.match(text) or len(text) > 200 or not any(map(str.isalpha, text)):
        return ""
    return heading_title(text)


def _version(parts: Sequence[_Part], running: Sequence[str]) -> str:
    """Return the version that a short line of the first page, or a running line, states."""
    lines = [
        " ".join(word.text for word in line)
        for part in parts[:12]
        if part.page == 0 and isinstance(part.block, Paragraph) and len(part.block.lines) < 3
        for line in part.block.lines
    ]
    for line in (*lines, *running):
        if len(line) < 90 and (found := _VERSION.search(line)):
            return found[1] or found[2].rstrip(".")
    return ""
