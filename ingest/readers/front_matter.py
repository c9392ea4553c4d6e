"""Front matter: what stands above a Markdown text about it, as YAML, TOML or JSON."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from ingest.counts import many

_YAML = re.compile(
    r"---[ \t]*\n(?:[ \t]*\n|[ \t]*#.*\n)*[\w\"'][^\n:]*:[^\n]*\n(?:.*\n)*?(?:---|\.\.\.)[ \t]*$",
    re.MULTILINE,
)
_TOML = re.compile(r"\+\+\+[ \t]*\n(?:.*\n)*?\+\+\+[ \t]*$", re.MULTILINE)
_JSON = re.compile(r"\{[ \t]*\n\s*\"")
_PANDOC = re.compile(r"%[ \t]+([^%\n]+)\n(?:%[ \t]?(.*)\n)?(?:%[ \t]?(.*)(?:\n|\Z))?")
_PAIR = re.compile(r"([A-Za-z][\w -]{0,40}):[ \t]+(\S.*)")

# What the fields of site generators and note apps steer; no reader of the text would miss them.
_STEERS = frozenset(
    "aliases alias bookcollapsesection bookhidden bookflatsection cascade classes comments"
    " cover cssclass cssclasses custom_edit_url draft eleventynavigation excerpt_separator"
    " expirydate featured feed geekdochidden has_children has_toc head header hero hide_title"
    " hide_table_of_contents icon id image images kanban-plugin lang language layout linktitle"
    " linkTitle menu meta nav_exclude nav_order navigation noindex order outputs page_id"
    " pagination parent permalink position prev next publish published redirect_from redirect_to"
    " robots sidebar sidebar_label sidebar_position sitemap slug template theme thumbnail toc"
    " translationkey type uid url urls uuid weight".split()
)
_TITLES = ("title", "titel", "titre", "titulo")
_DATES = "date updated last_updated lastmod last_modified modified created date_created".split()
_VERSIONS = ("version", "revision", "edition")
_REPLACED = ("replaces", "supersedes")


@dataclass(frozen=True)
class FrontMatter:
    """Hold what it states; length is that of its source, in characters."""

    length: int = 0
    title: str = ""
    date: str = ""
    version: str = ""
    lines: list[str] = field(default_factory=list)  # "Author: Petra Holmqvist"
    remarks: tuple[str, ...] = ()


def front_matter(text: str) -> FrontMatter:
    """Read the front matter that a text begins with; line ends must be "\\n"."""
    if found := _YAML.match(text):
        source = found[0].split("\n", 1)[1].rsplit("\n", 1)[0]
        return _stated(found.end(), _yaml(source))
    if found := _TOML.match(text):
        source = found[0].split("\n", 1)[1].rsplit("\n", 1)[0]
        return _stated(found.end(), _toml(source))
    if _JSON.match(text):
        stated, end = _json(text)
        return _stated(end, stated) if "title" in stated else FrontMatter()
    if text.startswith("%") and (found := _PANDOC.match(text)):
        pairs = zip(("title", "author", "date"), found.groups(), strict=True)
        return _stated(found.end(), {key: value for key, value in pairs if value})
    return FrontMatter()


def _yaml(source: str) -> dict[Any, Any]:
    import yaml

    try:
        stated = yaml.safe_load(source)
    except (yaml.YAMLError, ValueError, RecursionError):
        return _pairs(source)  # notes hold titles such as "Plan: B", which are no YAML
    return stated if isinstance(stated, dict) else _pairs(source)


def _toml(source: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(source)
    except (tomllib.TOMLDecodeError, RecursionError):
        return _pairs(source.replace(" = ", ": "))


def _json(text: str) -> tuple[dict[str, Any], int]:
    """Return the object that a text begins with, and where it ends; none unless text follows."""
    try:
        stated, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return {}, 0
    below = text[end:]
    if below.strip() and re.match(r"[ \t]*\n", below):
        return stated, end
    return {}, 0


def _pairs(source: str) -> dict[Any, Any]:
    found = (_PAIR.match(line) for line in source.split("\n"))
    return {pair[1]: pair[2].strip(" \"'") for pair in found if pair}


def _stated(length: int, stated: dict[Any, Any]) -> FrontMatter:
    values = {str(key).strip(): _value(value) for key, value in stated.items()}
    lower = {key.lower().replace(" ", "_"): value for key, value in values.items() if value}
    lines, left_out = [], 0
    for key, value in values.items():
        if key.lower() in _STEERS:
            continue
        if value:
            lines.append(f"{_label(key)}: {value}")
        elif stated.get(key):
            left_out += 1
    return FrontMatter(
        length,
        _first(lower, _TITLES),
        _first(lower, _DATES),
        _first(lower, _VERSIONS)
        or " ".join(filter(None, ("replaces", _first(lower, _REPLACED))))
        * bool(_first(lower, _REPLACED)),
        lines,
        (f"{many(left_out, 'nested field')} of the front matter left out",) if left_out else (),
    )


def _first(values: dict[str, str], names: Any) -> str:
    return next((values[name] for name in names if name in values), "")


def _label(key: str) -> str:
    words = key.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def _value(value: object) -> str:
    """Write a value for people; "" for one that has no short form."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (str, int, float)):
        return " ".join(str(value).split())
    if isinstance(value, dict):
        return _value(value.get("name") or value.get("title") or "")
    if isinstance(value, list):
        return ", ".join(filter(None, (_value(item) for item in value if item is not value)))
    return ""
