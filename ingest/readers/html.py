"""HTML as a browser would show it, and XHTML."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from itertools import groupby

from ingest.readers.content import Block, Content, assembled, heading_title, table
from ingest.readers.decode import decoded
from ingest.readers.markup import (
    BLOCK,
    CELL,
    HEADING,
    PRE,
    TABLE,
    Node,
    Tree,
    html_tree,
    is_link_sign,
    is_raised,
    xml_tree,
)

_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details dialog div dl dt fieldset"
    " figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu"
    " nav ol option p pre search section summary table tbody td tfoot th thead tr ul".split()
)
_ROWS = frozenset("tr li div p pre".split())  # each begins a line of its own within <pre>
_GUTTER = re.compile(  # in the names of classes, of many programs
    r"(?:^|[-_])(?:gutter|lnt|lnum|ln|blob[-_]num|line[-_]?(?:nos?|nr|nums?|numbers?|nodiv)"
    r"|lines[-_]nums?)(?:$|[-_])"
)
_CODE = re.compile(r"code|highlight|blob|source|lntd")
_DEEPEST = 12  # levels of a list that are indented; pages of thousands would grow by their square
_SPANS = 1000  # columns that a cell covers at most, as in browsers
_LONG = 600  # characters: a cell with blocks of so much text lays a page out
_CHOICES = 20  # of a field at most are named
_UNITS = frozenset(
    "m mm cm dm km nm µm μm in ft yd mi s ms min h kg g mg lb mol cd rad px pt ha sec hr inch feet"
    " foot metre metres meter meters mile miles".split()
)
_ORDINALS = frozenset("st nd rd th e er re ère ème eme nde o a os as º ª de ste te".split())
_MARKS = {"tm": "™", "sm": "℠", "r": "®", "®": "®", "™": "™", "©": "©", "c": "©"}
_NUMBER = re.compile(r"[+\-]?\d+(?:[.,/]\d+)?[+\-]?|[+\-]")
_NOTES = re.compile(r"\d{1,3}(?:\s*[,;–-]\s*\d{1,3}){0,20}|[a-h]|[ivx]{1,5}")
_FORMULA = re.compile(r"[\w.()+\-*/·]{1,12}")
_YEAR = re.compile(r"(?:^|[^\d.,])(?:1[5-9]|20)\d\d$")
_PRICE = re.compile(r"[$€£¥]\s?\d[\d.,]*$")
_JUNK = re.compile(
    r"(?:untitled(?: (?:document|page))?|index|document\d*|new page(?: \d+)?|home|page \d+"
    r"|microsoft word - .*|no title|title|readme|.{0,80}\.(?:html?|docx?|pdf|md|txt))",
    re.IGNORECASE,
)
_DATES = (
    "article:published_time dc.date dcterms.date dcterms.issued dcterms.created dc.date.issued"
    " dc.date.created citation_publication_date datepublished date publish-date pubdate created"
    " article:modified_time dcterms.modified datemodified og:updated_time last-modified time"
).split()
_ISO = re.compile(r"(\d{4})[-/](\d{1,2})(?:[-/](\d{1,2}))?(?!\d)")
_HOW = {
    "picture": "without text",
    "formula": "without text",
    "long output": "cut short",
    "unreadable chapter": "skipped",
}
_VERSION = re.compile(
    r"(?:(?:this (?:document|page|version) )?(?:replaces|supersedes) version v?\d[\w.]{0,20}"
    r"|version:? v?(\d[\w.]{0,20}))\.?",
    re.IGNORECASE,
)
_PICTURE = re.compile(r"\[picture: ([^\]]*)\]")
_SITE = re.compile(r"\s+[|\-–—·:•»]+\s+")


@dataclass(frozen=True)
class Page:
    """Hold what a page shows, and what it says about itself."""

    blocks: list[Block]
    title: str  # of its first heading, else <title>; "" where that is junk
    date: str
    version: str
    left: Counter[str]  # what was left out, by its name in the singular


def read(data: bytes) -> Content:
    """Read HTML."""
    return _read(data, xml=False)


def read_xhtml(data: bytes) -> Content:
    """Read XHTML, in which each element may end at once: <script src="x.js"/>."""
    return _read(data, xml=True)


def _read(data: bytes, xml: bool) -> Content:
    text, remarks = decoded(data, declared(data))
    found = page(text, xml)
    return replace(
        assembled(found.blocks),
        title=found.title,
        date=found.date,
        version=found.version,
        remarks=(*remarks, *said(found.left)),
    )


def declared(data: bytes) -> str:
    """Return the charset that a page names, or ""."""
    from bs4.dammit import EncodingDetector

    return EncodingDetector.find_declared_encoding(data, is_html=True) or ""


def page(markup: str, xml: bool = False) -> Page:
    """Read a page's markup.

    xml: XHTML, in which <a/> and <script/> end at once; what is no XML is read as HTML.
    """
    tree = (xml_tree(markup) if xml else None) or html_tree(markup)
    walk = _Walk(tree.dropped)
    walk.run(tree.root)
    if not walk.blocks and tree.dropped["navigation"]:  # it is all that the page has
        tree = html_tree(markup, keep_navigation=True)
        del tree.dropped["navigation"]
        walk = _Walk(tree.dropped)
        walk.run(tree.root)
    blocks = walk.blocks
    return Page(blocks, _title(tree, blocks), _date(tree), _version(tree, blocks), tree.dropped)


def said(left: Counter[str]) -> tuple[str, ...]:
    """Return remarks on what was left out: "3 pictures without text"."""
    remarks = []
    for name, count in sorted(left.items()):
        if count and name == "navigation":
            remarks.append("navigation left out")
        elif count:
            how = _HOW.get(name, "left out")
            remarks.append(f"{count} {name}{'s' * (count > 1)} {how}")
    return tuple(remarks)


def _title(tree: Tree, blocks: Sequence[Block]) -> str:
    headings = [(block.level, heading_title(block.text)) for block in blocks if block.level]
    top = next((title for level, title in headings if level == 1), "")
    stated = tree.title or tree.meta.get("og:title", "") or tree.meta.get("dc.title", "")
    if top and top != stated and not stated.startswith(f"{top} "):
        # The top heading may be the site's name: "Fees | Ystad Library".
        named = {title for level, title in headings if level <= 3}
        starts = [stated, *(stated[: sign.start()] for sign in _SITE.finditer(stated))]
        if found := next((start for start in starts if start in named), ""):
            return found
        if len(starts) > 1 and stated.endswith(top):
            return stated.removesuffix(top).rstrip(" |-–—·:•»")
    if top:
        return top
    return "" if _JUNK.fullmatch(stated) else stated


def _date(tree: Tree) -> str:
    published, changed = (
        iso_date(tree.meta.get(name, "")) for name in ("datepublished", "datemodified")
    )
    if published and changed and int(changed[:4]) - int(published[:4]) > 1:
        return changed  # a page that is kept up to date
    return next(filter(None, (iso_date(tree.meta.get(name, "")) for name in _DATES)), "")


def iso_date(stated: str) -> str:
    """Return a date of the web or of a mail as an ISO date; "" where it is none."""
    stated = stated.strip()
    if found := _ISO.match(stated):
        year, month, day = found[1], int(found[2]), int(found[3] or 0)
        if not (1 <= month <= 12 and day <= 31):
            return ""
        if not "1500" <= year <= "2100":
            return ""
        return f"{year}-{month:02}-{day:02}" if day else f"{year}-{month:02}"
    try:
        date = parsedate_to_datetime(stated).date()
    except (TypeError, ValueError, IndexError, OverflowError):
        return ""
    return date.isoformat() if 1500 <= date.year <= 2100 else ""


def _version(tree: Tree, blocks: Sequence[Block]) -> str:
    for block in (*blocks[:40], *blocks[40:][-10:]):
        if len(block.text) < 100 and (found := _VERSION.fullmatch(block.text.strip())):
            return found[1].rstrip(".") if found[1] else found[0].rstrip(".")
    return tree.meta.get("version", "")[:40]


@dataclass
class _List:
    number: int
    step: int
    style: str  # of its signs: "1", "a", "A", "i", "I", or "-"


class _Walk:
    """Walk the tree with a stack of its own: pages may nest deeper than Python recurses."""

    def __init__(self, left: Counter[str]) -> None:
        self.blocks: list[Block] = []
        self._left = left
        self._parts: list[tuple[str, bool]] = []  # text of the open block, and whether struck out
        self._struck = 0
        self._runs = 0  # tables and lists so far
        self._lowered = -1  # where the last lowered figure ended: x_i
        self._lists: list[_List] = []
        self._marker = ""  # of the list item that begins
        self._in_item = 0
        self._level: int | None = None  # of the open heading
        self._terms: list[str] = []  # of a list of definitions, not yet written
        self._defined = False

    def run(self, root: Node) -> None:
        """Make blocks of all below."""
        stack: list[tuple[Node | str, bool]] = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            if isinstance(node, str):
                self._say(node)
                continue
            if leaving:
                self._leave(node)
                continue
            after = stack[-1][0] if stack else ""
            if self._inline(node, after if isinstance(after, str) else ""):
                continue
            if node.tag in _BLOCKS:
                self._flush()
                if self._whole(node):
                    continue
            self._enter(node)
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(node.children))
        self._flush(last=True)

    def flat(self, root: Node) -> str:
        """Return what is shown below on one line: of a cell, a heading, or a term."""
        inner = _Walk(self._left)
        inner._struck = self._struck
        stack: list[tuple[Node | str, bool]] = [(child, False) for child in root.children[::-1]]
        while stack:
            node, leaving = stack.pop()
            if isinstance(node, str):
                inner._say(node)
            elif leaving:
                inner._struck -= _is_struck(node)
                if node.tag in _BLOCKS:
                    inner._say(" ")
                if node.tag in ("ul", "ol", "menu"):
                    inner._lists.pop()
                elif node.tag == "dt":
                    inner._parts.append((": ", False))
                inner._end(node)
            else:
                after = stack[-1][0] if stack else ""
                if inner._inline(node, after if isinstance(after, str) else ""):
                    continue
                if node.tag in ("td", "th", "tr", "li", "dd"):
                    inner._divide(", " if node.tag in ("td", "th") else "; ")
                elif node.tag in _BLOCKS:
                    inner._say(" ")
                inner._struck += _is_struck(node)
                if node.tag in ("ul", "ol", "menu"):
                    inner._lists.append(_new_list(node))
                elif node.tag == "li" and (sign := inner._sign(node)) != "-":
                    inner._parts.append((f"{sign} ", False))
                inner._quote(node, "“")
                stack.append((node, True))
                stack.extend((child, False) for child in reversed(node.children))
        return " ".join(inner._text().split())

    def _divide(self, sign: str) -> None:
        """Set a sign between two parts of a line, unless one stands there."""
        while self._parts and not self._parts[-1][0].strip():
            self._parts.pop()
        if self._parts:
            text, struck = self._parts[-1]
            self._parts[-1] = (text.rstrip(), struck)
            self._parts.append((" " if text.rstrip()[-1] in ";:,.!?|" else sign, False))

    # What stands within a line.

    def _say(self, text: str) -> None:
        text = re.sub(r"[\u200b\ufeff\xad]", "", text)
        if text:
            self._parts.append((re.sub(r"\s+", " ", text), self._struck > 0))

    def _quote(self, node: Node, sign: str) -> None:
        if node.tag == "q":
            self._parts.append((sign, self._struck > 0))

    def _end(self, node: Node) -> None:
        self._quote(node, "”")
        if node.tag == "sub":
            self._lowered = len(self._parts)

    def _before(self) -> str:
        """Return the end of the open line."""
        found = ""
        for text, _ in reversed(self._parts):
            found = text + found
            if len(found) > 60:
                break
        return found[-60:]

    def _inline(self, node: Node, after: str) -> bool:
        """Write an element that is read as a whole; False: walk into it."""
        tag = node.tag
        written: str | None = None
        if tag == "br":
            self._parts.append(("\n", False))
            return True
        if tag == "sup" or ("style" in node.attrs and is_raised(node)):
            plain = node.size <= 40 and node.below <= 20 and not node.holds
            figure = self.flat(node) if plain else ""
            if not figure:
                return False
            power = figure.isdigit() and len(self._parts) == self._lowered and not _is_note(node)
            before = self._before()
            written = f"^{figure}" if power else raised(before, figure, after, _is_note(node))
        elif tag == "img":
            written = self._picture(node)
        elif tag in ("math", "tex"):
            formula = _formula(node)
            self._left["formula"] += not formula
            written = f"${formula}$" if formula else ""
        elif tag in ("input", "select", "textarea"):
            written = self._field(node)
        if written is None:
            return False
        if written:
            self._parts.append((written, self._struck > 0))
        return True

    def _picture(self, node: Node) -> str:
        attrs = node.attrs
        alt = " ".join(attrs.get("alt", "").split())
        named = f"{attrs.get('class', '')} ".lower()
        if alt and ("tex" in named.split() or "mwe-math" in named or "latex" in named):
            return f"${_bare_tex(alt)}$"
        if alt and ("emoji" in named or (len(alt) <= 2 and not alt.isascii())):
            return alt
        if any(attrs.get(side, "").rstrip("px") in ("0", "1", "2") for side in ("width", "height")):
            return ""  # it counts visitors, or keeps a distance
        if len(alt.split()) > 1 and not re.search(r"\.(?:jpe?g|png|gif|svg|webp)$", alt, re.I):
            return f" [picture: {alt}] "
        self._left["picture"] += attrs.get("role") not in ("presentation", "none")
        return ""

    def _field(self, node: Node) -> str:
        kind = node.attrs.get("type", "text").lower()
        checked = "checked" in node.attrs
        if node.tag == "textarea":
            value = " ".join(node.text().split())
        elif node.tag == "select":
            value = _chosen(node)
        elif kind in ("checkbox", "radio"):
            return f" [{'x' if checked else ' '}] "
        elif kind in ("hidden", "password", "submit", "reset", "image", "file", "button"):
            return " "
        else:
            value = " ".join(node.attrs.get("value", "").split())
        if not value:
            return " "
        while self._parts and not self._parts[-1][0].strip():
            self._parts.pop()
        if self._parts:
            self._parts[-1] = (self._parts[-1][0].rstrip(), self._parts[-1][1])
        before = self._before()
        return f"{':' if before and before[-1].isalnum() else ''} {value} "

    def _text(self) -> str:
        """Return the open block's text, and begin a new one."""
        written = []
        for struck, group in groupby(self._parts, key=lambda part: part[1]):
            text = "".join(part for part, _ in group)
            written.append(re.sub(r"[^\s](?:[^\n]*[^\s])?", r"~~\g<0>~~", text) if struck else text)
        self._parts.clear()
        lines = (" ".join(line.split()) for line in "".join(written).split("\n"))
        return "\n".join(lines).strip()

    # What stands in a block of its own.

    def _flush(self, last: bool = False) -> None:
        if not self._parts:
            return
        text = self._text()
        self._lowered = -1
        if not text or text in ("[ ]", "[x]"):  # a switch of the page's own
            return
        if re.fullmatch(r"\[\d{1,3}\]", text) and not last:  # a note follows in its own element
            self._parts.append((f"{text} ", False))
            return
        if self._level is not None:
            level, self._level = self._level, None
            self._head(text, level)
            return
        inset = "  " * min(len(self._lists), _DEEPEST) if self._in_item else ""
        if self._marker:
            text = text.replace("\n", f"\n{inset}")
            self.blocks.append(Block(self._marker + text, run=f"item {self._runs}"))
            self._marker = ""
        elif self._in_item:
            text = inset + text.replace("\n", f"\n{inset}")
            self.blocks.append(Block(text, run=f"item {self._runs}"))
        else:
            self.blocks.append(Block(text))

    def _head(self, text: str, level: int) -> None:
        words = _PICTURE.sub("", text).strip() or _PICTURE.sub(r"\1", text)
        text = re.sub(r"\s*(?:¶|\[edit\]|🔗)$", "", " ".join(words.split()))
        if self._marker.strip() not in ("", "-"):  # the number of a list of headings
            text = f"{self._marker.strip()} {text}"
        self._marker = ""
        if text:
            self.blocks.append(Block(text, level=level))

    def _enter(self, node: Node) -> None:
        if node.tag == "mjx-container" and node.attrs.get("display") == "true":
            self._parts.append(("\n", False))
        self._struck += _is_struck(node)
        self._quote(node, "“")
        tag = node.tag
        if tag in ("ul", "ol", "menu"):
            self._runs += not self._in_item
            self._lists.append(_new_list(node))
        elif tag == "li":
            self._in_item += 1
            inset = "  " * min(max(len(self._lists) - 1, 0), _DEEPEST)
            self._marker = f"{inset}{self._sign(node)} "
        elif level := _level(node):
            self._level = level
        elif tag == "dl":
            self._terms, self._defined = [], False
            self._runs += 1

    def _leave(self, node: Node) -> None:
        if node.tag == "mjx-container" and node.attrs.get("display") == "true":
            self._parts.append(("\n", False))
        self._end(node)
        if node.tag in _BLOCKS:
            self._flush()
        self._struck -= _is_struck(node)
        tag = node.tag
        if tag in ("ul", "ol", "menu"):
            self._lists.pop()
        elif tag == "li":
            self._in_item -= 1
            self._marker = ""
        elif tag == "dl":
            self._write_terms()
        elif _level(node):
            self._level = None

    def _sign(self, node: Node) -> str:
        """Return the sign of a list item: "-", "3." or "c."."""
        if not self._lists:
            return "-"
        current = self._lists[-1]
        if current.style == "-":
            return "-"
        if (stated := _integer(node.attrs.get("value", ""))) is not None:
            current.number = stated
        number, style = current.number, node.attrs.get("type", current.style)
        current.number += current.step
        return f"{_numeral(number, style)}."

    def _whole(self, node: Node) -> bool:
        """Make blocks of an element that is not to be walked into; False: walk into it."""
        if node.tag == "pre":
            if text := preformatted(node):
                self.blocks.append(Block(text))
                self._marker = ""
            return True
        if level := _level(node):
            # Where its end tag is missing, a heading holds the page.
            if node.holds & (HEADING | TABLE | PRE) or (node.holds & BLOCK and node.size > 200):
                return False
            self._head(self._heading_text(node), level)
            return True
        if node.tag == "table":
            return self._table(node)
        if node.tag == "tr":
            return self._row(node)
        if node.tag == "dt" and not node.holds & (HEADING | TABLE | PRE):
            if self._defined:
                self._terms, self._defined = [], False
            self._terms.append(self.flat(node))
            return True
        if node.tag == "dd":
            return self._definition(node)
        return False

    def _heading_text(self, node: Node) -> str:
        """Return a heading without the signs that link to it, unless they are all of it."""
        kept = [child for child in node.children if not _is_sign(child, node.size)]
        if len(kept) < len(node.children):
            bare = Node(node.tag, node.attrs)
            bare.children = kept
            if text := self.flat(bare):
                return text
        return self.flat(node)

    def _definition(self, node: Node) -> bool:
        terms = ", ".join(filter(None, self._terms))
        if not terms:
            return False
        if node.holds & (HEADING | TABLE | PRE) or (node.holds & BLOCK and node.size > _LONG):
            self._write_terms()
            self._defined = True
            return False
        self._defined = True
        text = self.flat(node)
        if text:
            between = " " if terms[-1] in ":?!.=" else ": "
            self.blocks.append(Block(f"{terms}{between}{text}", run=f"item {self._runs}"))
        return True

    def _write_terms(self) -> None:
        terms = ", ".join(filter(None, self._terms))
        if terms and not self._defined:
            self.blocks.append(Block(terms))
        self._terms, self._defined = [], False

    # Tables.

    def _table(self, node: Node) -> bool:
        caption, rows = _own_rows(node)
        if (code := _code_of(node, rows)) is not None:
            if code:
                self.blocks.append(Block(code))
                self._marker = ""
            return True
        if _lays_out(node, rows, caption):
            return False
        cells = [[(cell, self.flat(cell)) for cell in row.cells] for row in rows]
        leading = self.flat(caption) if caption else ""
        grid, first = _grid(cells)
        heads = _head_rows(rows, grid, first)
        for line in grid[:first]:  # a cell over the whole table names it
            leading = f"{leading}\n{line[0]}" if leading and line[0] else leading or line[0]
        for name in leading.split("\n")[:-1]:
            self.blocks.append(Block(name))
        self._rows(table(grid[first:], heads, leading.rpartition("\n")[2]))
        self._marker = ""
        return True

    def _rows(self, blocks: list[Block]) -> None:
        """Add rows so that a blank line parts them from those of another table."""
        self._runs += 1
        run = f"row {self._runs}"
        self.blocks.extend(replace(block, run=run) if block.run else block for block in blocks)

    def _row(self, node: Node) -> bool:
        """Make a row of a table that lays the page out, or of none."""
        cells = _cells(node)
        if any(cell.holds & (HEADING | TABLE | CELL | PRE) for cell in cells):
            return False
        if any(cell.holds & BLOCK and cell.size > _LONG for cell in cells):
            return False
        if sum(cell.size > 0 for cell in cells) < 2:
            return False
        self.blocks.extend(table([[self.flat(cell) for cell in cells]], heads=0))
        self._marker = ""
        return True


def raised(before: str, figure: str, after: str = "", note: bool = False) -> str:
    """Write a raised figure so that it stays apart: "10^6", "founded [3]", "2nd".

    before, after: the text around it. note: it is known to be the mark of a note.
    """
    figure = " ".join(figure.split())
    if figure[:1] in "−–‐‑" and figure:
        figure = f"-{figure[1:]}"
    figure = re.sub(r"[−–](?=$)", "-", figure)
    if re.fullmatch(r"\[.*\]", figure):
        return figure
    mark = f"{'' if not before or before[-1].isspace() else ' '}[{figure.strip('()[]')}]"
    if after[:1].isalnum():
        mark += " "
    if note:
        return mark
    if figure.lower() in _MARKS and (len(figure) > 1 or not figure.isascii()):
        return _MARKS[figure.lower()]
    if after.strip() in ("/", "⁄") and figure.isdigit():  # <sup>1</sup>/<sub>2</sub>
        return f" {figure}" if before[-1:].isdigit() else figure
    number = bool(_NUMBER.fullmatch(figure))
    if not before.strip() or before[-1].isspace():
        # A note's own text begins with its mark; within a line it is part of what follows: 14C.
        starts = not before.strip() and re.match(r"\s|[^\W\d_]{2}", after)
        return mark if figure.isdigit() and starts else figure
    last = before[-1]
    if last.isdigit():
        if figure.lower() in _ORDINALS - {"a", "o"} or figure in ("º", "ª"):
            return figure
        if number:
            if len(figure) == 2 and figure.isdigit() and _PRICE.search(before):
                return f".{figure}"
            return mark if figure.isdigit() and _YEAR.search(before) else f"^{figure}"
        if len(figure) == 1 and figure.isalpha():
            return mark if figure in "abcdefgh" else f"^{figure}"
        if _NOTES.fullmatch(figure):
            return mark
        if _FORMULA.fullmatch(figure) and re.search(r"\d|\w\W|\W\w", figure):
            return f"^{figure}"
        return figure
    if last.isalpha():
        word = re.search(r"[^\W\d_]{1,30}$", before)
        letters = word[0] if word else last
        unit = (
            (letters in _UNITS and (letters != "in" or bool(re.search(r"\d\s*in$", before))))
            or len(letters) == 1
            or (len(letters) <= 3 and not re.search(r"[aeiouyAEIOUY]", letters))
        )
        if number and (unit or figure[0] in "+-" or figure[-1] in "+-"):
            return f"^{figure}"
        if number or (_NOTES.fullmatch(figure) and not figure.isalpha()):
            return mark
        if len(figure) == 1 and figure.isalpha():
            if len(letters) == 1 and figure not in "eorau":
                return f"^{figure}"
            return mark if figure in "abcdfgh" and len(letters) > 3 else figure
        if unit and _FORMULA.fullmatch(figure) and not figure.isalpha():
            return f"^{figure}"
        return figure
    if last in ")]}":
        inner = re.search(r"[(\[{]([^()\[\]{}]{0,40})[)\]}]$", before)
        if number and inner and not re.search(r"[^\W\d_]{3}", inner[1]):
            return f"^{figure}"
        return mark if _NOTES.fullmatch(figure) else figure
    if last in "Ω°%" and number and not figure.isdigit():
        return f"^{figure}"
    return mark if _NOTES.fullmatch(figure) else figure


def preformatted(root: Node, skip: frozenset[int] = frozenset()) -> str:
    """Return the lines and indents of <pre> or of a table of code, without line numbers.

    skip: ids of nodes to leave out.
    """
    parts: list[str] = []
    stack: list[tuple[Node | str, Node, bool]] = [(child, root, False) for child in root.children]
    stack.reverse()
    spans = 0
    ended = False
    while stack:
        node, parent, leaving = stack.pop()
        if isinstance(node, str):
            if ended and node.startswith("\n"):  # the end of an element has ended the line
                node = node[1:]
            ended = False
            if node and parent.tag not in ("table", "tbody", "thead", "tfoot", "tr"):
                parts.append(node)
            continue
        if node.tag == "br":
            parts.append("\n")
            continue
        if id(node) in skip or _is_gutter(node):
            continue
        if node.tag == "button":
            continue
        if node.tag in _ROWS and parts and not parts[-1].endswith("\n"):
            parts.append("\n")
            ended = leaving
        if leaving:
            continue
        spans += node.tag == "span" and "line" in node.classes
        if marker := node.attrs.get("data-code-marker", "").strip():
            parts.append(marker)
        stack.append((node, parent, True))
        if node.tag == "img" and len(node.attrs.get("alt", "").split()) > 1:
            parts.append(f"[picture: {node.attrs['alt']}]")
        stack.extend((child, node, False) for child in reversed(node.children))
    text = "".join(parts)
    if spans > 1 and "\n" not in text.strip():  # lines that only a style sheet sets apart
        text = "\n".join(
            line.text()
            for line in _descendants(root)
            if line.tag == "span" and "line" in line.classes
        )
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    text = re.sub("[\u200b\ufeff]", "", text)
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def _descendants(root: Node) -> Iterator[Node]:
    stack: list[Node | str] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Node):
            yield node
            stack.extend(reversed(node.children))


def _is_gutter(node: Node) -> bool:
    """Whether an element holds line numbers by its class, and nothing else."""
    return _has_class(node, _GUTTER) and not node.text().strip("0123456789 \t\r\n|.:\xa0")


def _has_class(node: Node, pattern: re.Pattern[str]) -> bool:
    return any(pattern.search(name.lower()) for name in node.classes)


def _is_struck(node: Node) -> bool:
    return node.tag in ("del", "s", "strike") or (
        "style" in node.attrs and "line-through" in node.style()
    )


def _is_note(node: Node) -> bool:
    """Whether a raised figure leads to a note."""
    if {"reference", "footnote-ref", "fn", "footnote"} & node.classes:
        return True
    for link in _descendants(node):
        attrs = link.attrs
        if "noteref" in attrs.get("role", "") + attrs.get("epub:type", ""):
            return True
        if link.tag == "a" and "#" in attrs.get("href", ""):
            return True
    return False


def _is_sign(child: Node | str, whole: int) -> bool:
    """Whether a part of a heading only leads to it."""
    if isinstance(child, str) or child.size >= whole:
        return False
    return is_link_sign(child)


def _level(node: Node) -> int:
    """Return a heading's level, or 0."""
    if len(node.tag) == 2 and node.tag[0] == "h" and node.tag[1] in "123456":
        return int(node.tag[1])
    if node.attrs.get("role") == "heading" and node.tag in _BLOCKS:
        stated = _integer(node.attrs.get("aria-level", "2"))
        return min(max(stated or 2, 1), 6)
    return 0


def _integer(text: str) -> int | None:
    found = re.match(r"\s*([+-]?\d{1,9})", text)
    return int(found[1]) if found else None


def _new_list(node: Node) -> _List:
    if (
        node.tag != "ol"
        or "list-style-type:none" in node.style()
        or "list-style:none" in (node.style())
    ):
        return _List(1, 1, "-")
    style = node.attrs.get("type", "1")
    found = re.search(r"list-style(?:-type)?:[^;]*?(lower|upper)-(alpha|latin|roman)", node.style())
    if found:
        style = "i" if found[2] == "roman" else "a"
        style = style.upper() if found[1] == "upper" else style
    start = _integer(node.attrs.get("start", ""))
    if "reversed" in node.attrs:
        count = sum(isinstance(child, Node) and child.tag == "li" for child in node.children)
        return _List(count if start is None else start, -1, style)
    return _List(1 if start is None else start, 1, style)


def _numeral(number: int, style: str) -> str:
    if style in ("a", "A") and 0 < number < 20_000:
        letters = ""
        while number:
            number, rest = divmod(number - 1, 26)
            letters = chr(97 + rest) + letters
        return letters if style == "a" else letters.upper()
    if style in ("i", "I") and 0 < number < 4000:
        written = ""
        for value, sign in zip(
            (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
            "m cm d cd c xc l xl x ix v iv i".split(),
            strict=True,
        ):
            written += sign * (number // value)
            number %= value
        return written if style == "i" else written.upper()
    return str(number)


def _chosen(node: Node) -> str:
    """Return what a select shows, and what else it offers."""
    options = [option for option in _descendants(node) if option.tag == "option"]
    names = [
        " ".join("".join(text for text in option.children if isinstance(text, str)).split())
        or option.attrs.get("label", "")
        for option in options
    ]
    chosen = [n for n, option in enumerate(options) if "selected" in option.attrs]
    if not chosen and names and "multiple" not in node.attrs:
        chosen = [0]
    value = ", ".join(names[n] for n in chosen)
    if len(names) <= 1:
        return value
    listed = f": {', '.join(names)}" if len(names) <= _CHOICES else ""
    return f"{value} ({len(names)} choices{listed})".strip()


def _bare_tex(text: str) -> str:
    text = " ".join(text.split())
    while found := re.fullmatch(r"\{\\(?:display|text|script)style (.*)\}", text):
        text = found[1].strip()
    return text.strip("$").strip()


def _formula(node: Node) -> str:
    """Return a formula's TeX, or its MathML on one line."""
    if node.tag == "tex":
        return _bare_tex(node.text())
    for found in _descendants(node):
        if found.tag == "annotation" and "tex" in found.attrs.get("encoding", "").lower():
            return _bare_tex(found.text())
    return _bare_tex(node.attrs.get("alttext", "")) or _linear(node, 50).strip(" ;")


def _linear(node: Node | str, deepest: int) -> str:
    """Write MathML on one line: a/b, x^2, x_1."""
    if isinstance(node, str):
        return " ".join(node.split())
    if deepest < 0:
        return " ".join(node.text().split())
    if node.tag in ("annotation", "annotation-xml"):
        return ""
    parts = [_linear(child, deepest - 1) for child in node.children]
    parts = [part for part in parts if part]

    def grouped(part: str) -> str:
        return part if len(part) == 1 or part.isalnum() else f"({part})"

    if len(parts) == 2 and node.tag in ("msup", "msub", "mfrac", "mroot"):
        sign = {"msup": "^", "msub": "_", "mfrac": "/", "mroot": " root "}[node.tag]
        return f"{grouped(parts[0])}{sign}{grouped(parts[1])}"
    if len(parts) == 3 and node.tag == "msubsup":
        return f"{grouped(parts[0])}_{grouped(parts[1])}^{grouped(parts[2])}"
    if (node.tag, len(parts)) in (("munder", 2), ("munderover", 3)):
        over = f"^{grouped(parts[2])}" if len(parts) == 3 else ""
        return f"{parts[0]}_{grouped(parts[1])}{over} "
    if node.tag == "mover" and len(parts) == 2:
        return f"{grouped(parts[0])}{parts[1].strip()}"
    if node.tag == "msqrt":
        return f"sqrt({''.join(parts)})"
    if node.tag == "mo":
        sign = "".join(parts)
        if sign in "\u2061\u2062\u2063\u2064":
            return ""
        return f" {sign} " if sign in "=<>≤≥≈+−±→×" and sign else sign
    if node.tag in ("mtr", "mtd"):
        return " ".join(parts) + "; " * (node.tag == "mtr")
    return "".join(parts)


@dataclass
class _Row:
    cells: list[Node]
    in_head: bool
    in_foot: bool


def _own_rows(node: Node) -> tuple[Node | None, list[_Row]]:
    """Return a table's caption and rows, without those of tables in it; its foot comes last."""
    caption: Node | None = None
    rows: list[_Row] = []
    stack: list[tuple[Node | str, str]] = [(child, "") for child in reversed(node.children)]
    while stack:
        found, part = stack.pop()
        if isinstance(found, str) or found.tag in ("table", "td", "th"):
            continue
        if found.tag == "caption":
            caption = found
            continue
        if found.tag in ("thead", "tbody", "tfoot"):
            part = found.tag
        if found.tag == "tr":
            if cells := _cells(found):
                rows.append(_Row(cells, part == "thead", part == "tfoot"))
            continue
        stack.extend((child, part) for child in reversed(found.children))
    return caption, sorted(rows, key=lambda row: row.in_foot)


def _cells(row: Node) -> list[Node]:
    """Return the cells of a row, also those in a form within it."""
    cells: list[Node] = []
    stack: list[Node | str] = [*reversed(row.children)]
    while stack:
        found = stack.pop()
        if isinstance(found, Node):
            if found.tag in ("td", "th"):
                cells.append(found)
            elif found.tag not in ("table", "tr"):
                stack.extend(reversed(found.children))
    return cells


def _code_of(node: Node, rows: Sequence[_Row]) -> str | None:
    """Return the code of a table that only sets line numbers beside it; None: it is another."""
    named = _has_class(node, _CODE)
    cells = [cell for row in rows for cell in row.cells]
    gutters = [cell for cell in cells if _is_gutter(cell)]
    rest = [cell for cell in cells if not _is_gutter(cell)]
    if (
        gutters
        and rest
        and (named or node.holds & PRE or all(_has_class(cell, _CODE) for cell in rest))
    ):
        return preformatted(node, frozenset(map(id, gutters)))
    # Where nothing names the gutter, it is the column that counts.
    body = [row.cells for row in rows if not row.in_head]
    if not body or any(len(row) != 2 or row[0].holds & TABLE for row in body):
        return None
    if not all(
        named or row[1].holds & PRE or row[0].holds & PRE or _has_class(row[1], _CODE)
        for row in body
    ):
        return None
    first = [row[0] for row in body]
    lines = "\n".join(preformatted(cell) for cell in first).split()
    numbers = [int(line) if line.isdecimal() and len(line) < 8 else -1 for line in lines]
    numbered = bool(numbers) and numbers == [*range(numbers[0], numbers[0] + len(numbers))]
    # Numbers may come from a style sheet, or were left out as such already.
    empty = not lines and all("lntd" in cell.classes or _is_numbered(cell) for cell in first)
    if not empty and not (numbered and numbers[0] >= 0):
        return None
    heads = [cell for row in rows if row.in_head for cell in row.cells]
    return preformatted(node, frozenset(map(id, (*first, *heads))))


def _is_numbered(cell: Node) -> bool:
    """Whether an attribute holds the line's number."""
    return cell.below <= 5 and any(
        name in found.attrs
        for found in _descendants(cell)
        for name in ("data-line-number", "data-line", "data-n")
    )


def _lays_out(node: Node, rows: Sequence[_Row], caption: Node | None) -> bool:
    """Whether a table places parts of a page: its rows are no rows of data."""
    if node.attrs.get("role") in ("presentation", "none") or not rows:
        return True
    cells = [cell for row in rows for cell in row.cells]
    if max(len(row.cells) for row in rows) == 1 and not any(cell.tag == "th" for cell in cells):
        return True
    if any(cell.holds & CELL and not cell.holds & TABLE for cell in cells):
        return True
    long = _LONG * 4 if caption or any(cell.tag == "th" for cell in cells) else _LONG
    if any(cell.holds & (BLOCK | TABLE) and cell.size > long for cell in cells):
        return True
    if any(cell.holds & PRE and _has_lines(cell) for cell in cells):
        return True
    if caption or any(cell.tag == "th" for cell in cells):
        return False
    return any(cell.holds & (HEADING | TABLE) for cell in cells)


def _has_lines(cell: Node) -> bool:
    """Whether a cell holds preformatted text of several lines."""
    return bool(cell.holds & TABLE) or any(
        found.tag == "pre" and "\n" in preformatted(found) for found in _descendants(cell)
    )


def _grid(rows: Sequence[Sequence[tuple[Node, str]]]) -> tuple[list[list[str]], int]:
    """Fill spans; return the rows, and how many of the first are one cell over all columns."""
    spans = [[_integer(cell.attrs.get("colspan", "1")) or 1 for cell, _ in row] for row in rows]
    spans = [[min(max(span, 1), _SPANS) for span in row] for row in spans]
    several = [sum(row) for row in spans if len(row) > 1]
    width = max(several or [sum(row) for row in spans], default=0)
    downs = [[_rows_down(cell, len(rows) - n) for cell, _ in row] for n, row in enumerate(rows)]
    area = sum(
        min(span, width) * down
        for line, depths in zip(spans, downs, strict=True)
        for span, down in zip(line, depths, strict=True)
    )
    if area > 20 * sum(map(len, rows)) + 10_000:  # spans that would fill the memory
        width = max(map(len, rows))
        spans = [[1] * len(row) for row in rows]
        downs = spans
    grid: list[list[str]] = []
    first, leading = 0, True
    above: dict[int, tuple[int, str]] = {}  # column: how many rows it still covers, with what
    for n, row in enumerate(rows):
        line: list[str] = []
        cells = iter(zip(row, spans[n], downs[n], strict=True))
        whole = len(row) == 1 and spans[n][0] >= width > 1 and not above
        down: dict[int, tuple[int, str]] = {}
        pending = next(cells, None)
        while pending or any(column >= len(line) for column in above):
            column = len(line)
            if column in above:
                left, text = above.pop(column)
                line.append(text)
                if left > 1:
                    down[column] = (left - 1, text)
                continue
            if not pending:
                line.append("")
                continue
            (_, text), span, rowspan = pending
            for offset in range(max(min(span, width - column), 1)):
                if offset and column + offset in above:
                    break
                line.append(text if not (whole and offset) else "")
                if rowspan > 1:
                    down[column + offset] = (rowspan - 1, text)
            pending = next(cells, None)
        above = down
        grid.append(line)
        leading = leading and whole
        first += leading
    return grid, first if first < len(grid) else 0


def _rows_down(cell: Node, left: int) -> int:
    """Return how many rows a cell covers; 0 stands for all that are left."""
    stated = _integer(cell.attrs.get("rowspan", "1"))
    return left if stated == 0 else min(max(stated or 1, 1), left)


def _head_rows(rows: Sequence[_Row], grid: Sequence[Sequence[str]], first: int) -> int:
    """Return how many rows, after the first ones, are column heads."""
    heads = 0
    for row in rows[first:]:
        cells = [cell for cell in row.cells if cell.size]
        if not (row.in_head or (cells and all(cell.tag == "th" for cell in cells))):
            break
        if not row.in_head and len(row.cells) == 1:  # names the rows below it
            break
        heads += 1
    if heads == len(rows) - first:
        return min(heads, 1)
    if heads or any(cell.tag == "th" for row in rows for cell in row.cells):
        return heads
    head, body = grid[first], grid[first + 1 :]
    if not body or len(head) < 2 or not all(head[1:]):
        return 0
    if not head[0]:  # above names of rows stands nothing
        return int(len(head) > 2 and all(line[0] for line in body))
    if any(text.endswith(":") for text in head):
        return 0
    if all(_is_bold(cell) for cell in rows[first].cells):
        return 1
    if len(set(head)) < len(head):
        return 0
    numeric = [
        n
        for n in range(len(head))
        if sum(any(map(str.isdigit, line[n])) for line in body if len(line) > n) * 2 > len(body)
    ]
    return int(
        len(body) > 1 and bool(numeric) and not any(any(map(str.isdigit, text)) for text in head)
    )


def _is_bold(cell: Node) -> bool:
    node = cell
    while True:
        inner = [c for c in node.children if (c.strip() if isinstance(c, str) else c.size)]
        if len(inner) != 1 or isinstance(inner[0], str):
            return "font-weight:bold" in cell.style()
        node = inner[0]
        if node.tag in ("b", "strong"):
            return True
