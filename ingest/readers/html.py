"""HTML as a browser would show it, and XHTML."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from itertools import groupby

from ingest.counts import many
from ingest.readers.cells import (
    LONG,
    cells_of,
    code_of,
    grid_of,
    head_rows,
    lays_out,
    own_rows,
    preformatted,
)
from ingest.readers.content import Block, Content, assembled, heading_title, table
from ingest.readers.decode import decoded
from ingest.readers.formulas import bare_tex, formula_of
from ingest.readers.markup import (
    BLOCK,
    CELL,
    HEADING,
    PRE,
    TABLE,
    Node,
    Tree,
    descendants,
    html_tree,
    integer,
    is_link_sign,
    is_raised,
    xml_tree,
)
from ingest.readers.raised import raised

_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details dialog div dl dt fieldset"
    " figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu"
    " nav ol option p pre search section summary table tbody td tfoot th thead tr ul".split()
)
_DEEPEST = 12  # levels of a list that are indented; pages of thousands would grow by their square
_CHOICES = 20  # of a field at most are named
_TRAIL = re.compile(r"[^\n»›«]{1,40}(?:[»›][^\n»›«]{1,40}){1,8}")  # of links: where a page lies
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
    blocks = _without_trail(walk.blocks, tree.dropped)
    return Page(blocks, _title(tree, blocks), _date(tree), _version(tree, blocks), tree.dropped)


def _without_trail(blocks: Sequence[Block], dropped: Counter[str]) -> list[Block]:
    """Leave out the trail of links above the first heading: "Home » Help » Questions"."""
    first = next((n for n, block in enumerate(blocks) if block.level is not None), 0)
    trails = {n for n in range(first) if _TRAIL.fullmatch(blocks[n].text)}
    if trails:
        dropped["navigation"] += 1
    return [block for n, block in enumerate(blocks) if n not in trails]


def said(left: Counter[str]) -> tuple[str, ...]:
    """Return remarks on what was left out: "3 pictures without text"."""
    remarks = []
    for name, count in sorted(left.items()):
        if count and name == "navigation":
            remarks.append("navigation left out")
        elif count:
            how = _HOW.get(name, "left out")
            remarks.append(f"{many(count, name)} {how}")
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
            formula = formula_of(node)
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
            return f"${bare_tex(alt)}$"
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
        if (stated := integer(node.attrs.get("value", ""))) is not None:
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
        if node.holds & (HEADING | TABLE | PRE) or (node.holds & BLOCK and node.size > LONG):
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
        caption, rows = own_rows(node)
        if (code := code_of(node, rows)) is not None:
            if code:
                self.blocks.append(Block(code))
                self._marker = ""
            return True
        if lays_out(node, rows, caption):
            return False
        cells = [[(cell, self.flat(cell)) for cell in row.cells] for row in rows]
        leading = self.flat(caption) if caption else ""
        grid, first = grid_of(cells)
        heads = head_rows(rows, grid, first)
        for line in grid[:first]:  # a cell over the whole table names it
            leading = f"{leading}\n{line[0]}" if leading and line[0] else leading or line[0]
        for name in leading.split("\n")[:-1]:
            self.blocks.append(Block(name))
        self._runs += 1
        name = leading.rpartition("\n")[2]
        self.blocks += table(grid[first:], heads, name, run=f"row {self._runs}")
        self._marker = ""
        return True

    def _row(self, node: Node) -> bool:
        """Make a row of a table that lays the page out, or of none."""
        cells = cells_of(node)
        if any(cell.holds & (HEADING | TABLE | CELL | PRE) for cell in cells):
            return False
        if any(cell.holds & BLOCK and cell.size > LONG for cell in cells):
            return False
        if sum(cell.size > 0 for cell in cells) < 2:
            return False
        self.blocks.extend(table([[self.flat(cell) for cell in cells]], heads=0))
        self._marker = ""
        return True


def _is_struck(node: Node) -> bool:
    return node.tag in ("del", "s", "strike") or (
        "style" in node.attrs and "line-through" in node.style()
    )


def _is_note(node: Node) -> bool:
    """Whether a raised figure leads to a note."""
    if {"reference", "footnote-ref", "fn", "footnote"} & node.classes:
        return True
    for link in descendants(node):
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
        stated = integer(node.attrs.get("aria-level", "2"))
        return min(max(stated or 2, 1), 6)
    return 0


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
    start = integer(node.attrs.get("start", ""))
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
    options = [option for option in descendants(node) if option.tag == "option"]
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
