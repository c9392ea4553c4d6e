"""HTML and XHTML as a light tree, of what a browser would show.

The parser reports elements one by one, and this module nests them: the trees of libxml2 end at a
depth of 2048, its reports do not. What is not shown is dropped where it ends, and counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html.entities import html5
from typing import Any

HEADING, TABLE, CELL, BLOCK, PRE, MATH, RAISED = 1, 2, 4, 8, 16, 32, 64  # what an element holds

_UNSEEN = frozenset("head script style noscript template datalist rp rt colgroup".split())
_EMBEDDED = {
    "iframe": "embedded page",
    "object": "embedded object",
    "embed": "embedded object",
    "video": "video",
    "audio": "recording",
    "canvas": "drawing",
}
_OF_HEAD = frozenset("title meta link base basefont bgsound style script noscript".split())
_SECTIONS = frozenset("article main header".split())
_LINK_SIGNS = frozenset(
    "mw-editsection mw-cite-backlink mw-jump-link copybtn clipboard-copy"
    " footnote-back footnote-backref data-footnote-backref".split()
)
_PAGE_MARKS = frozenset("pagenum pageno pagebreak page-number pagenumber".split())  # of a print
_PAGE_ROLES = frozenset(("pagebreak", "doc-pagebreak"))
_SIGN_CLASSES = frozenset(  # of links to a heading, and nothing else
    "headerlink header-anchor heading-anchor hash-link anchor-link anchorjs-link headinglink"
    " direct-link toclink-anchor".split()
)
_WEAK_CLASSES = frozenset("anchor permalink md-permalink section-link heading-link".split())
_SIGN = re.compile(
    r"[\s\[\](){}#¶§†🔗⚓∞↩↑^\u200b\ufeff]*(?:(?:copy |direct )?link(?: to (?:this )?[\w ]{0,40})?"
    r"|permalink(?: to [\w ]{0,60})?|anchor|edit(?: source| section)?|copy(?: code)?|copied!?"
    r"|share|top|back to top)?[\s\[\](){}#¶§🔗\u200b\ufeff]*",
    re.IGNORECASE,
)
_COPY = re.compile(r"\s*(?:copy(?: code| link| to clipboard)?|copied!?|edit|share|print)?\s*", re.I)
_COOKIES = re.compile(
    r"cookie[-_]?(?:banner|consent|notice|bar|popup|law)|(?:onetrust|cybot|cookiebot|gdpr)[-_]"
)
_MATHS = frozenset(  # a formula twice: as MathML, and as glyphs or a picture
    "mwe-math-element MathJax MathJax_Display MathJax_SVG MathJax_SVG_Display MathJax_CHTML".split()
)
_PREVIEWS = _MATHS | {"MathJax_Preview", "mjx-chtml"}
_NUMBERS = frozenset("line-numbers linenos line_numbers".split())  # beside <pre>
_ICONS = frozenset("material-icons material-symbols-outlined material-symbols-rounded".split())
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,30});")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,200}\?>")
_CONTENTS = frozenset("toc table-of-contents".split())
_ITEMS = frozenset(("dt", "dd"))
_ENDS_P = frozenset(  # libxml2 does not know them all
    "address article aside blockquote details div dl fieldset figcaption figure footer form h1 h2"
    " h3 h4 h5 h6 header hgroup hr main menu nav ol p pre section table ul".split()
)
_STATED = re.compile(r'"(date(?:Published|Modified))"\s*:\s*"([^"]{4,40})"')
_TAG = re.compile(r"<(/?)([A-Za-z][\w:-]{0,60})[^<>]{0,9}>?")
_ENDS = 3000  # end tags of elements that are not open
_POLICY = 2000  # characters: so much about cookies is a text of its own
_KINDS = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), HEADING | BLOCK),
    "table": TABLE,
    "td": CELL,
    "th": CELL,
    "pre": PRE | BLOCK,
    "math": MATH,
    **dict.fromkeys(
        "p ul ol dl li dt dd div section article blockquote figure details form".split(), BLOCK
    ),
}


class Node:
    """Hold an element: its children are Nodes and strings in order."""

    __slots__ = ("attrs", "below", "children", "classes", "holds", "size", "tag")

    def __init__(self, tag: str, attrs: dict[str, str]) -> None:
        self.tag = tag
        self.attrs = attrs
        self.children: list[Node | str] = []
        self.classes = frozenset((attrs.get("class") or "").split())
        self.holds = 0  # HEADING, TABLE, ...: of what stands below
        self.size = 0  # visible characters, about
        self.below = 0  # elements

    def text(self) -> str:
        """Return all characters below, as they stand."""
        found: list[str] = []
        stack: list[Node | str] = [self]
        while stack:
            node = stack.pop()
            if isinstance(node, str):
                found.append(node)
            else:
                stack.extend(reversed(node.children))
        return "".join(found)

    def style(self) -> str:
        """Return the style attribute in lower case, without spaces."""
        return "".join(self.attrs.get("style", "").split()).lower()


class Tree:
    """Build the tree as a target of lxml's parsers.

    keep_navigation: for pages that hold nothing else. implied: end tags may be missing.
    """

    def __init__(self, keep_navigation: bool = False, implied: bool = True) -> None:
        self.root = Node("html", {})
        self.title = ""
        self.meta: dict[str, str] = {}
        self.dropped: Counter[str] = Counter()
        self.language = ""
        self._open = [self.root]
        self._ended: list[bool] = [False]  # for each open element: its end was implied
        self._implied = implied
        self._sections = 0  # open articles and the like
        self._pictures = 0  # open <svg>
        self._keep_navigation = keep_navigation

    def start(self, tag: Any, attrs: Any) -> None:
        """Take a start tag."""
        name = str(tag).rpartition("}")[2].lower()
        named = {_attribute(str(key)): value or "" for key, value in dict(attrs).items()}
        last = self._open[-1].tag
        if self._implied and (
            (name in _ITEMS and last in _ITEMS) or (last == "p" and name in _ENDS_P)
        ):
            self._finish()
            self._open.append(self._open[-1])
            self._ended[-1] = True
        self._open.append(Node(name, named))
        self._ended.append(False)
        self._sections += name in _SECTIONS
        self._pictures += name == "svg"

    def data(self, data: str | bytes) -> None:
        """Take characters."""
        node = self._open[-1]
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        node.children.append(text)
        node.size += len(text.strip())

    def end(self, tag: Any) -> None:
        """Take an end tag."""
        if self._ended.pop():
            self._open.pop()
        else:
            self._finish()

    def _finish(self) -> None:
        """Add an element to its parent: at its end it shows whether it is kept."""
        node = self._open.pop()
        parent = self._open[-1]
        self._sections -= node.tag in _SECTIONS
        self._pictures -= node.tag == "svg"
        self._note(node)
        if not self._shown(node):
            return
        parent.children.append(node)
        parent.holds |= node.holds | _KINDS.get(node.tag, 0)
        parent.size += node.size
        parent.below += node.below + 1
        if is_raised(node):
            parent.holds |= RAISED

    def comment(self, text: str | bytes) -> None:
        """Take a comment: none is shown."""

    def pi(self, target: str | bytes, data: str | bytes | None = None) -> None:
        """Take a processing instruction: none is shown."""

    def close(self) -> Tree:
        """Return itself, whole."""
        while len(self._open) > 1:
            self.end(None)
        return self

    def _note(self, node: Node) -> None:
        """Note what the page says about itself."""
        attrs = node.attrs
        if node.tag == "title" and not self._pictures and not self.title:
            self.title = " ".join(node.text().split())
        elif node.tag == "meta":
            name = attrs.get("name") or attrs.get("property") or attrs.get("itemprop") or ""
            if name and attrs.get("content"):
                self.meta.setdefault(name.lower(), attrs["content"])
        elif node.tag == "time" and attrs.get("datetime"):
            name = attrs.get("itemprop") or ("time" if self._sections else "")
            self.meta.setdefault(name.lower(), attrs["datetime"])
        elif node.tag == "script" and attrs.get("type", "").lower() == "application/ld+json":
            for name, stated in _STATED.findall(node.text()):
                self.meta.setdefault(name.lower(), stated)

    def _shown(self, node: Node) -> bool:
        tag, attrs = node.tag, node.attrs
        if tag == "script" and attrs.get("type", "").lower().startswith("math/tex"):
            node.tag = "tex"
            self._drop_rendered()
            return True
        if tag == "head" and (body := [one for one in node.children if _is_of_body(one)]):
            node.tag, node.children = "div", body
            return True
        if tag in _UNSEEN:
            return False
        if tag in _EMBEDDED:
            self.dropped[_EMBEDDED[tag]] += 1
            return False
        if tag == "svg":
            return self._picture(node)
        if node.classes & _MATHS and node.holds & MATH:
            node.children = [found for found in [_first(node, "math")] if found]
            return True
        if (
            tag == "div"
            and "fragment" in node.classes
            and any(isinstance(child, Node) and "line" in child.classes for child in node.children)
        ):
            node.tag = "pre"  # Doxygen's
            return True
        if tag == "div" and node.classes & _NUMBERS and not node.text().strip("0123456789 \t\r\n"):
            return False
        if "katex-html" in node.classes:  # the same formula again, in glyphs
            return not any(
                isinstance(child, Node) and (child.holds & MATH or child.tag == "math")
                for child in self._open[-1].children
            )
        if node.size <= 12 and (node.classes & _PAGE_MARKS or _role(node) in _PAGE_ROLES):
            return False
        if tag == "a" and "#" in attrs.get("href", ""):
            for child in node.children:
                if isinstance(child, Node) and child.tag == "sup":
                    child.attrs["role"] = "doc-noteref"
        if node.classes & _LINK_SIGNS or tag == "mjx-math" or node.classes & _ICONS:
            return False
        if (
            node.classes & (_SIGN_CLASSES | _WEAK_CLASSES)
            and _is_short(node)
            and _SIGN.fullmatch(node.text())
        ):
            return False
        if tag == "button" and _is_short(node) and _COPY.fullmatch(node.text()):
            return False
        return not self._furniture(node)

    def _furniture(self, node: Node) -> bool:
        tag, attrs = node.tag, node.attrs
        style = node.style() if "style" in attrs else ""
        hidden = (
            attrs.get("hidden", "until-found").lower() != "until-found"
            or "display:none" in style
            or "visibility:hidden" in style
            or (tag == "dialog" and "open" not in attrs)
        )
        if hidden and tag not in ("html", "body"):
            # MediaWiki hides the MathML that stands for its pictures.
            if node.holds & MATH and "mwe-math" in attrs.get("class", ""):
                return False
            self.dropped["hidden part"] += node.size > 0
            return True
        contents = node.classes & _CONTENTS or attrs.get("id", "").lower() in _CONTENTS
        if (
            tag == "nav"
            or attrs.get("role", "").lower() in ("navigation", "menu", "menubar")
            or (contents and tag in ("div", "ul", "ol", "aside") and not node.holds & TABLE)
        ):
            self.dropped["navigation"] += node.size > 0
            return not self._keep_navigation
        if tag in ("div", "section", "aside", "dialog") and node.size < _POLICY:
            named = f"{attrs.get('id', '')} {attrs.get('class', '')}".lower()
            if node.size and _COOKIES.search(named) and "cookie" in node.text().lower():
                self.dropped["cookie banner"] += 1
                return True
        return False

    def _drop_rendered(self) -> None:
        """Drop the glyphs of a formula, whose TeX comes now."""
        before = self._open[-1].children
        while before and (
            not before[-1].strip()
            if isinstance(before[-1], str)
            else before[-1].classes & _PREVIEWS
        ):
            before.pop()

    def _picture(self, node: Node) -> bool:
        """Keep a drawing as a picture where it says what it shows; icons say nothing."""
        title = _first(node, "title")
        alt = node.attrs.get("aria-label") or (title.text() if title else "")
        if node.size <= len(alt) and len(alt.split()) < 2:
            return False
        node.tag, node.children = "img", []
        node.attrs = {"alt": alt}
        return True


def _is_of_body(child: Node | str) -> bool:
    """Tell whether a child of the head is none of its own.

    The parser does not know the elements that came after HTML 4. Where a page opens no body, it
    takes what begins with one of them for a part of the head.
    """
    return isinstance(child, Node) and child.tag not in _OF_HEAD


def _attribute(name: str) -> str:
    space, _, local = name.rpartition("}")
    return f"epub:{local}" if space == "{http://www.idpf.org/2007/ops" else local.lower()


def _first(node: Node, tag: str) -> Node | None:
    stack: list[Node | str] = [node]
    while stack:
        found = stack.pop()
        if isinstance(found, Node):
            if found.tag == tag:
                return found
            stack.extend(reversed(found.children))
    return None


def html_tree(markup: str, keep_navigation: bool = False) -> Tree:
    """Read markup as HTML, however broken."""
    from lxml import etree

    tree = Tree(keep_navigation)
    parser = etree.HTMLParser(target=tree, encoding="utf-8", huge_tree=True, remove_pis=True)
    # A NUL or half a surrogate pair ends what the parser reads.
    markup = _without_stray_ends(markup.replace("\0", ""))
    parser.feed(markup.encode("utf-8", "replace"))
    try:
        parser.close()
    except etree.XMLSyntaxError:  # nothing but comments and spaces
        tree.close()
    return tree


def _without_stray_ends(markup: str) -> str:
    """Drop end tags of elements that are not open, where they are thousands.

    The parser looks for each in all that is open.
    """
    if markup.count("</") < _ENDS:
        return markup
    counts: Counter[str] = Counter()
    strays: list[tuple[int, int]] = []
    for found in _TAG.finditer(markup):
        name = found[2].lower()
        if not found[1]:
            counts[name] += 1
        elif counts[name]:
            counts[name] -= 1
        else:
            strays.append(found.span())
    if len(strays) < _ENDS:
        return markup
    kept, last = [], 0
    for start, end in strays:
        kept.append(markup[last:start])
        last = end
    return "".join((*kept, markup[last:]))


def xml_tree(markup: str, keep_navigation: bool = False) -> Tree | None:
    """Read markup as XHTML; None where it is no well-formed XML."""
    from lxml import etree

    if "<!ENTITY" in markup:  # a few may stand for gigabytes
        return None
    markup = _ENTITY.sub(_resolved, _DECLARATION.sub("", markup, count=1))
    tree = Tree(keep_navigation, implied=False)
    parser = etree.XMLParser(target=tree, resolve_entities=False, no_network=True, load_dtd=False)
    try:
        etree.fromstring(markup.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return None
    return tree


def _resolved(entity: re.Match[str]) -> str:
    if entity[1] in ("amp", "lt", "gt", "quot", "apos"):
        return entity[0]
    return html5.get(f"{entity[1]};", entity[0])


def _role(node: Node) -> str:
    return node.attrs.get("epub:type") or node.attrs.get("role", "")


def _is_short(node: Node) -> bool:
    return node.size <= 60 and node.below <= 20


def is_raised(node: Node) -> bool:
    """Whether an element's text stands above the line."""
    return node.tag == "sup" or (
        node.tag == "span" and "style" in node.attrs and "vertical-align:super" in node.style()
    )


def is_link_sign(node: Node) -> bool:
    """Whether an element within a heading is no part of its words: it leads to it, or edits it."""
    if node.classes & (_SIGN_CLASSES | _LINK_SIGNS):
        return node.size <= 60
    if node.tag == "button" or (node.tag == "a" and node.attrs.get("aria-hidden") == "true"):
        return True
    # The sign may stand in a further element: <span><a href="#x">#</a></span>.
    links = node.tag in ("a", "button") or any(
        isinstance(child, Node) and child.tag in ("a", "button") for child in node.children
    )
    return links and _is_short(node) and bool(_SIGN.fullmatch(node.text()))


def descendants(root: Node) -> Iterator[Node]:
    """Yield an element and all below it, in order."""
    stack: list[Node | str] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Node):
            yield node
            stack.extend(reversed(node.children))


def integer(text: str) -> int | None:
    """Return the number that an attribute begins with, as browsers take it; None: it has none."""
    found = re.match(r"\s*([+-]?\d{1,9})", text)
    return int(found[1]) if found else None
