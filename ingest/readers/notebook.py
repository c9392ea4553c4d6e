"""IPYNB: the cells of a Jupyter notebook."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ingest.errors import DocumentUnreadable
from ingest.readers import html, markdown
from ingest.readers.content import Content, Heading, Place, assembled
from ingest.readers.decode import decoded

_OUTPUT = 2000  # characters of one output at most; a log of thousands of lines says little
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_OBJECT = re.compile(r"<[\w. ]{1,200}(?: at 0x[0-9a-f]+| object)>")  # Python's name of a picture
_FENCE = re.compile("`{3,}")
_LEVELS = range(1, 7)


def read(data: bytes) -> Content:
    """Read IPYNB of the formats 3 and 4. Raises DocumentUnreadable where it is no notebook."""
    text, remarks = decoded(data)
    try:
        book = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        raise DocumentUnreadable(f"damaged: it is no JSON ({error})") from None
    cells = _cells(book)
    if cells is None:
        raise DocumentUnreadable("damaged: it holds no cells of a notebook")
    stated = _dict(book.get("metadata"))
    language = _language(stated)
    parts: list[str] = []
    headings: list[Heading] = []
    places: list[Place] = []
    left: Counter[str] = Counter()
    further: dict[str, None] = {}
    facts = {"title": _string(stated.get("title")), "date": _string(stated.get("date"))}
    version = ""
    offset = 0
    for number, cell in enumerate(cells, 1):
        found = _cell(cell, language, left)
        if not found.text.strip():
            continue
        if parts:
            parts.append("\n\n")
            offset += 2
        places.append(Place(offset, f"cell {number}"))
        headings.extend(
            Heading(offset + h.start, offset + h.end, h.level, h.title) for h in found.headings
        )
        parts.append(found.text)
        offset += len(found.text)
        further.update(dict.fromkeys(found.remarks))
        facts["title"] = facts["title"] or found.title
        facts["date"] = facts["date"] or found.date
        version = version or found.version
    return Content(
        "".join(parts),
        tuple(headings),
        title=facts["title"],
        places=tuple(places),
        date=html.iso_date(facts["date"]),
        version=version,
        remarks=(*remarks, *further, *html.said(left)),
    )


def _cells(book: Any) -> list[dict[str, Any]] | None:
    """Return the cells, in format 3 of all worksheets."""
    if not isinstance(book, dict):
        return None
    cells = book.get("cells")
    if not isinstance(cells, list):
        sheets = book.get("worksheets")
        if not isinstance(sheets, list):
            return None
        cells = [cell for sheet in sheets for cell in _list(_dict(sheet).get("cells"))]
    return [_dict(cell) for cell in cells]


def _language(stated: dict[str, Any]) -> str:
    name = _dict(stated.get("language_info")).get("name")
    name = name or _dict(stated.get("kernelspec")).get("language")
    return re.sub(r"[^\w+#.-]", "", _string(name) or "python")[:20]


def _cell(cell: dict[str, Any], language: str, left: Counter[str]) -> Content:
    kind = cell.get("cell_type")
    source = _lines(cell.get("source", cell.get("input")))
    if kind == "code":
        parts = [_fenced(source, _string(cell.get("language")) or language)] if source else []
        parts.extend(_outputs(cell, left))
        return Content("\n\n".join(parts))
    if kind == "heading":  # of format 3
        level = cell.get("level")
        signs = "#" * (level if isinstance(level, int) and level in _LEVELS else 1)
        source = f"{signs} {' '.join(source.split())}"
    for attached in _dict(cell.get("attachments")).values():
        left["picture"] += any(str(k).startswith("image/") for k in _dict(attached))
    if kind == "raw" and not source.lstrip().startswith("---"):
        return Content(source)
    if not source.strip():
        return Content("")
    found = markdown.read(source.encode("utf-8", "replace"))
    text = found.text.rstrip()
    kept = tuple(
        Heading(h.start, min(h.end, len(text)), h.level, h.title)
        for h in found.headings
        if h.start < len(text)
    )
    return Content(text, kept, (), found.title, (), found.date, found.version, found.remarks)


def _outputs(cell: dict[str, Any], left: Counter[str]) -> Iterator[str]:
    for output in map(_dict, _list(cell.get("outputs"))):
        kind = output.get("output_type")
        if kind == "stream":
            text, fenced = _lines(output.get("text")), True
        elif kind in ("error", "pyerr"):
            text = f"{_string(output.get('ename'))}: {_string(output.get('evalue'))}".strip(": ")
            fenced = True
        else:
            text, fenced = _shown(output, left)
        text = _ESCAPES.sub("", text).strip("\n")
        if not text.strip():
            continue
        if len(text) > _OUTPUT:
            text = text[: text.rfind("\n", 0, _OUTPUT) if "\n" in text[:_OUTPUT] else _OUTPUT]
            text += "\n..."
            left["long output"] += 1
        yield f"Output:\n\n{_fenced(text, 'text') if fenced else text}"


def _shown(output: dict[str, Any], left: Counter[str]) -> tuple[str, bool]:
    """Return what a rich output says, and whether its spaces count."""
    kinds = _dict(output.get("data")) or {  # format 3 has them beside each other
        "image/png": output.get("png"),
        "image/jpeg": output.get("jpeg"),
        "image/svg+xml": output.get("svg"),
        "text/html": output.get("html"),
        "text/markdown": output.get("markdown"),
        "text/latex": output.get("latex"),
        "text/plain": output.get("text"),
    }
    if any(str(kind).startswith("image/") and value for kind, value in kinds.items()):
        left["picture"] += 1
        plain = _lines(kinds.get("text/plain"))
        return ("" if plain.lstrip().startswith("<") else plain), True
    page = _lines(kinds.get("text/html"))
    plain = _lines(kinds.get("text/plain"))
    plain = "" if _OBJECT.fullmatch(plain.strip()) else plain
    if "<table" in page or (page and not plain):
        found = html.page(page)
        left.update(found.left)
        text = assembled(found.blocks).text
        if text:
            return text, False
    if marked := _lines(kinds.get("text/markdown")) or _lines(kinds.get("text/latex")):
        return marked, False
    return plain, True


def _fenced(source: str, language: str) -> str:
    longest = max((len(run) for run in _FENCE.findall(source)), default=2)
    fence = "`" * (longest + 1)
    source = source.strip("\n")
    return f"{fence}{language}\n{source}\n{fence}"


def _lines(value: Any) -> str:
    """Return a text that the format allows to be cut into lines."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    # A JSON escape can make half a surrogate pair.
    return _string(value).replace("\r\n", "\n")


def _string(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return value.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
