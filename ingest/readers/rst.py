"""reStructuredText, that of Sphinx as well, parsed by docutils.

Directives and roles that docutils does not know are read for their text.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ingest.counts import left_out
from ingest.readers import plain
from ingest.readers.content import Block, Content, assembled, leading_title, table
from ingest.readers.decode import decoded
from ingest.readers.stated import stated_version

if TYPE_CHECKING:
    from docutils import nodes

LONGEST = 1_000_000  # characters; docutils takes 8 seconds for them
_DIRECTIVE = re.compile(r"^[ \t]*\.\.[ \t]+(?:\|[^|\n]+\|[ \t]+)?([A-Za-z][\w:.+-]*)::", re.M)
_ROLE = re.compile(r":([A-Za-z][\w.+-]*(?::[\w.+-]+)*):(?=`)|`:([A-Za-z][\w.+-]*(?::[\w.+-]+)*):")
_UNSEEN = frozenset(
    "toctree contents index currentmodule py:currentmodule module py:module highlight meta"
    " tabularcolumns default-role role include literalinclude raw only-latex sectnum title"
    " target-notes header footer bibliography inheritance-diagram graphviz digraph plot".split()
)
_CODE = frozenset(
    "code code-block sourcecode prompt productionlist testcode doctest ipython".split()
)
_CHANGES = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "versionremoved": "Removed in version",
    "deprecated": "Deprecated since version",
    "deprecated-removed": "Deprecated since version",
}
_SECTION_LIKE = frozenset("only ifconfig container rst-class tabs tab-set grid centered".split())
# A simple table's head whose first cell is empty; docutils would lose it, but for a backslash.
_CORNER = re.compile(r"^(([ \t]*)={2,}(?: +={2,})+[ \t]*\n\2) ( +\S)", re.M)
_TARGET = re.compile(r"[!~]?(.*?)(?:\s*<[^<>]*>)?\Z", re.DOTALL)


def read(data: bytes) -> Content:
    """Read reStructuredText."""
    text, remarks = decoded(data)
    if len(text) > LONGEST:
        return _plain(data, "too long for its markup: read as plain text")
    try:
        walk = _Walk(_doctree(text))
        blocks = list(walk.blocks())
    except RecursionError:
        return _plain(data, "nested too deep for its markup: read as plain text")
    content = assembled(blocks)
    return replace(
        content,
        title=leading_title(content.headings)[:200],
        date=walk.facts.get("date", ""),
        version=walk.facts.get("version", "") or stated_version(content.text),
        remarks=(*remarks, *left_out(walk.left)),
    )


def _plain(data: bytes, remark: str) -> Content:
    content = plain.read(data)
    return replace(content, remarks=(*content.remarks, remark))


def _doctree(text: str) -> nodes.document:
    from docutils.core import publish_doctree

    _learn(text)
    return publish_doctree(
        _CORNER.sub(r"\1\\\3", text),
        settings_overrides={
            "doctitle_xform": False,
            "docinfo_xform": False,
            "file_insertion_enabled": False,
            "raw_enabled": False,
            "halt_level": 5,
            "report_level": 3,
            "warning_stream": False,
            "line_length_limit": 10**9,
            "_disable_config": True,
            "smart_quotes": False,
            "syntax_highlight": "none",
        },
    )


def _learn(text: str) -> None:
    """Register the directives and roles of a text that docutils does not know."""
    from docutils import nodes
    from docutils.parsers.rst import Directive, directives, roles
    from docutils.parsers.rst.languages import en as english

    any_option: Any = defaultdict(lambda: directives.unchanged)
    any_option["class"] = directives.unchanged  # docutils looks into none that is empty

    class Generic(Directive):
        has_content = True
        optional_arguments = 1
        final_argument_whitespace = True
        option_spec = any_option

        def run(self) -> list[nodes.Node]:
            name = self.name.lower()
            argument = " ".join(self.arguments[0].split()) if self.arguments else ""
            if name in _UNSEEN:
                return []
            if name in _CODE:
                source = "\n".join(self.content)
                caption = " ".join(self.options.get("caption", "").split())
                above = [nodes.paragraph("", caption)] if caption else []
                return [*above, nodes.literal_block(source, source)]
            holder = nodes.container()
            self.state.nested_parse(self.content, self.content_offset, holder)
            if name in _SECTION_LIKE:
                argument = ""
            if name in _CHANGES:
                version, _, rest = (self.arguments or [""])[0].partition("\n")
                argument = f"{_CHANGES[name]} {version}" + f": {' '.join(rest.split())}" * bool(
                    rest
                )
            elif name.startswith("describe") or ":" in name or name in _OBJECTS:
                argument = self.arguments[0] if self.arguments else ""
            else:
                shown = name.rpartition(":")[2].replace("-", " ").capitalize()
                argument = f"{shown}: {argument}" if name in _NAMED and argument else argument
            if not argument:
                return list(holder.children)
            paragraph = nodes.paragraph()
            inline, _ = self.state.inline_text(argument, self.lineno)
            paragraph += inline
            return [paragraph, *holder.children]

    def role(
        name: str, rawtext: str, text: str, lineno: int, inliner: Any, *_: Any, **__: Any
    ) -> tuple[list[nodes.Node], list[Any]]:
        shown = _TARGET.match(text.replace("\x00", ""))
        words = shown[1] if shown else text
        if text.startswith("~"):
            words = words.rpartition(".")[2]
        return [nodes.inline(rawtext, words)], []

    look_up: Any = directives.directive  # it needs no document, as the stubs would have it
    any_role: Any = role  # it returns no reference, as the stubs would have it
    for name in {found.lower() for found in _DIRECTIVE.findall(text)}:
        known = name in english.directives or name in directives._directives  # type: ignore[attr-defined]
        if name in ("include", "raw") or name in _CODE or not known:
            directives.register_directive(name, Generic)
        elif name in english.directives:
            found, _ = look_up(name, english, None)
            spec = found.option_spec
            if spec is not None and not isinstance(spec, _Options):  # Sphinx has options of its own
                looks = {key: take for key, take in _LOOKS.items() if key in spec}
                lenient = _Options({**spec, **looks})
                directives.register_directive(
                    name, type(found.__name__, (found,), {"option_spec": lenient})
                )
    for names in _ROLE.findall(text):
        name = (names[0] or names[1]).lower()
        if name not in english.roles and name not in roles._roles:  # type: ignore[attr-defined]
            roles.register_local_role(name, any_role)


def _ignored(value: str | None) -> str:
    """Take any value for how a thing looks; docutils knows no "50 percent"."""
    return ""


def _equal(value: str | None) -> str:
    """Take any widths of columns, as many as there may be."""
    return "auto"


_LOOKS = {
    **dict.fromkeys(("width", "height", "scale", "figwidth"), _ignored),
    "widths": _equal,
}


class _Options(dict[str, Any]):
    """Take any option: docutils shows the source of a directive that has one it does not know."""

    def __missing__(self, name: str) -> Any:
        from docutils.parsers.rst import directives

        return directives.unchanged


_OBJECTS = frozenset(
    "function class method attribute data exception option program envvar cmdoption confval"
    " automodule autoclass autofunction automethod autoattribute autodata autoexception"
    " autosummary"
    " setting describe object tab tab-item dropdown card grid-item-card glossary".split()
)
_NAMED = frozenset("todo seealso question example details exercise solution".split())


class _Walk:
    """Turn a tree of docutils into blocks."""

    def __init__(self, tree: nodes.document) -> None:
        from docutils import nodes

        self.nodes = nodes
        self.tree = tree
        self.left: Counter[str] = Counter()
        self.facts: dict[str, str] = {}
        self.due: list[str] = []
        self.notes = {name: note for note in tree.findall(nodes.footnote) for name in note["ids"]}
        self.marked: set[str] = set()

    def blocks(self) -> Iterator[Block]:
        yield from self._children(self.tree, 0, 0)

    def _children(self, parent: Any, level: int, depth: int) -> Iterator[Block]:
        for child in parent.children:
            yield from self._block(child, level, depth)
            due, self.due = self.due, []
            for note in due:
                yield Block(note)

    def _block(self, node: Any, level: int, depth: int) -> Iterator[Block]:
        n = self.nodes
        indent = "  " * depth
        rules = (n.transition, n.meta)
        if isinstance(node, n.section):
            yield from self._children(node, level + 1, 0)
        elif isinstance(node, (n.title, n.subtitle, n.rubric)):
            heading = isinstance(node, n.title) and isinstance(node.parent, n.section)
            text = " ".join(self._inline(node).split())
            if text:
                yield Block(text, level=min(level, 6) if heading else None)
        elif not isinstance(node, n.Element):
            return
        elif isinstance(node, n.comment):
            if node.astext().strip():
                self.left["comment"] += 1
        elif isinstance(node, n.system_message):
            for literal in node.findall(n.literal_block):
                yield Block(literal.astext())  # the source of what could not be parsed
        elif isinstance(node, (n.literal_block, n.doctest_block, n.math_block)):
            yield Block(node.astext().strip("\n"))
        elif isinstance(node, n.line_block):
            yield Block("\n".join(self._lines(node)))
        elif isinstance(node, n.table):
            yield from self._table(node)
        elif isinstance(node, (n.bullet_list, n.enumerated_list)):
            yield from self._list(node, depth)
        elif isinstance(node, (n.definition_list, n.field_list, n.option_list)):
            yield from self._pairs(node, level, depth)
        elif isinstance(node, n.footnote):
            if not self.marked.intersection(node["ids"]):
                yield Block(self._note(node))
        elif isinstance(node, n.citation):
            yield Block(self._note(node))
        elif isinstance(node, n.Admonition):
            yield from self._admonition(node, level, depth)
        elif isinstance(node, n.image):
            yield from self._picture(node)
        elif isinstance(
            node, (n.target, n.substitution_definition, n.pending, n.raw, *rules)
        ) or "contents" in node.get("classes", ()):
            return
        elif isinstance(node, n.TextElement):
            if text := self._paragraph(node):
                yield Block(indent + text)
        elif isinstance(node, n.Element):
            yield from self._children(node, level, depth)

    def _admonition(self, node: Any, level: int, depth: int) -> Iterator[Block]:
        n = self.nodes
        children = list(node.children)
        name = node.tagname.capitalize()
        if isinstance(node, n.admonition) and children and isinstance(children[0], n.title):
            name = " ".join(self._inline(children.pop(0)).split())
        first = True
        for child in children:
            for block in self._block(child, level, depth):
                yield replace(block, text=f"{name}: {block.text}") if first else block
                first = False

    def _picture(self, node: Any) -> Iterator[Block]:
        if alt := " ".join(str(node.get("alt", "")).split()):
            yield Block(alt)
        else:
            self.left["picture"] += 1

    def _lines(self, node: Any, depth: int = 0) -> Iterator[str]:
        for child in node.children:
            if isinstance(child, self.nodes.line_block):
                yield from self._lines(child, depth + 1)
            else:
                yield "  " * depth + " ".join(self._inline(child).split())

    def _list(self, node: Any, depth: int) -> Iterator[Block]:
        number = int(node.get("start", 1))
        for item in node.children:
            marker = "- "
            if isinstance(node, self.nodes.enumerated_list):
                shown = _numeral(number, str(node.get("enumtype", "arabic")))
                marker = f"{node.get('prefix', '')}{shown}{node.get('suffix', '.')} "
                number += 1
            yield from self._marked(item, "  " * depth + marker, depth)

    def _marked(self, item: Any, marker: str, depth: int) -> Iterator[Block]:
        """Put a marker before the first block of an item, and let the others be lines under it."""
        first = True
        for block in self._children(item, 0, depth + 1):
            if first:
                yield Block(marker + block.text.lstrip(), run="item")
            elif block.run == "row":
                yield block
            else:
                text = block.text if block.run else _indented(block.text, depth + 1)
                yield replace(block, text=text, level=None, run="item")
            first = False

    def _pairs(self, node: Any, level: int, depth: int) -> Iterator[Block]:
        n = self.nodes
        for item in node.children:
            names = [
                c for c in item.children if isinstance(c, (n.term, n.field_name, n.classifier))
            ]
            groups = [c for c in item.children if isinstance(c, n.option_group)]
            bodies = [
                c
                for c in item.children
                if isinstance(c, (n.definition, n.field_body, n.description))
            ]
            name = " : ".join(" ".join(self._inline(c).split()) for c in names)
            if groups:
                name = ", ".join(option.astext() for option in groups[0].children)
            blocks = [block for body in bodies for block in self._children(body, level, depth)]
            text = " ".join(blocks[0].text.split()) if blocks and not blocks[0].run else ""
            if isinstance(node, n.field_list):
                key = name.lower()
                if key in ("date", "version", "revision", "release") and text:
                    self.facts.setdefault("date" if key == "date" else "version", text.strip("$ "))
                if key in ("orphan", "tocdepth", "nocomments", "nosearch"):
                    continue
            rest = blocks[1:] if text else blocks
            yield Block("  " * depth + (f"{name}: {text}" if text else f"{name}:"), run="item")
            yield from rest

    def _table(self, node: Any) -> Iterator[Block]:
        n = self.nodes
        caption = next((self._inline(c) for c in node.children if isinstance(c, n.title)), "")
        for group in node.findall(n.tgroup):
            heads = [row for part in group.children if isinstance(part, n.thead) for row in part]
            body = [row for part in group.children if isinstance(part, n.tbody) for row in part]
            rows = self._filled([*heads, *body], len(list(group.findall(n.colspec))))
            yield from table(rows, len(heads) or (0 if not body else self._stub(rows)), caption)

    def _stub(self, rows: list[list[str]]) -> int:
        return 0 if len(rows) < 2 or any(re.match(r"\d", cell) for cell in rows[0]) else 1

    def _filled(self, rows: list[Any], width: int) -> list[list[str]]:
        """Return the cells' texts, with that of a cell that covers several in each of them."""
        cells: list[list[str | None]] = [[None] * width for _ in rows]
        for index, row in enumerate(rows):
            column = 0
            for entry in row.children:
                while column < width and cells[index][column] is not None:
                    column += 1
                text = " ".join(
                    " ".join(block.text.split()) for block in self._children(entry, 0, 0)
                )
                for down in range(int(entry.get("morerows", 0)) + 1):
                    for right in range(int(entry.get("morecols", 0)) + 1):
                        if index + down < len(rows) and column + right < width:
                            cells[index + down][column + right] = text
                column += int(entry.get("morecols", 0)) + 1
        return [[cell or "" for cell in row] for row in cells]

    def _note(self, node: Any) -> str:
        label = next((c.astext() for c in node.children if isinstance(c, self.nodes.label)), "")
        rest = [c for c in node.children if not isinstance(c, self.nodes.label)]
        return f"[{label}] " + " ".join(" ".join(self._inline(c).split()) for c in rest)

    def _paragraph(self, node: Any) -> str:
        return " ".join(self._inline(node).split())

    def _inline(self, node: Any) -> str:
        n = self.nodes
        if isinstance(node, n.Text):
            return str(node.astext())
        parts: list[str] = []
        for child in node.children:
            if isinstance(child, n.Text):
                parts.append(child.astext())
            elif isinstance(child, (n.footnote_reference, n.citation_reference)):
                before = "".join(parts[-1:])
                parts.append(
                    f"{' ' * (bool(before) and not before[-1:].isspace())}[{child.astext()}]"
                )
                name = str(child.get("refid", ""))
                if name in self.notes and name not in self.marked:
                    self.marked.add(name)
                    self.due.append(self._note(self.notes[name]))
            elif isinstance(child, n.image):
                parts.extend(block.text for block in self._picture(child))
            elif isinstance(child, n.superscript):
                before, figure = "".join(parts[-1:]), child.astext()
                power = re.search(r"(?:\d|\b[kcmd]?m|\bs)\\?$", before)
                mark = figure.isdigit() and before.strip() and not power
                parts.append(f" [{figure}]" if mark else f"^{figure}" if power else figure)
            elif isinstance(child, (n.system_message, n.raw)):
                continue
            elif isinstance(child, n.problematic):
                parts.append(child.astext())
            else:
                parts.append(self._inline(child))
        return "".join(parts)


def _indented(text: str, depth: int) -> str:
    margin = "  " * depth
    return "\n".join(
        line if line.startswith(margin) else margin + line for line in text.split("\n")
    )


def _numeral(number: int, style: str) -> str:
    if style.endswith("alpha") and 0 < number < 27:
        letter = chr(ord("a") + number - 1)
        return letter if style.startswith("lower") else letter.upper()
    if style.endswith("roman"):
        from docutils.utils._roman_numerals import RomanNumeral

        roman = str(RomanNumeral(number))
        return roman.lower() if style.startswith("lower") else roman
    return str(number)
