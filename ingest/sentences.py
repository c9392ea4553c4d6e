"""Where sentences end, in any language that marks their ends.

Rules, not a model: full stops inside numbers, initials, and common abbreviations end nothing.
Where a rule must choose between cutting too much and too little, it cuts too little.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# The lookahead with a back-reference is an atomic group (Python 3.10 has none): a run of a
# million dots is then tried once and not once from every dot.
_END = re.compile(
    r"""(?<![.!?…])(?=([.!?…।؟۔]+["'”’»)\]*_`]*(?:[ ]?\[\d+(?:,[ ]?\d+)*\])*))\1(?=\s|\Z)"""
    r"|[。！？]+[」』”’）】]*(?:\[\d+(?:,[ ]?\d+)*\])*"
)
_LINE = re.compile(r"[^\r\n]+")
_MARKERS = re.compile(r"\s*(?:(?:[-*+•>]|#{1,6}|\d{1,3}[.)])\s+)*")
_LAST_WORD = re.compile(r"[^\W\d_](?:\w|\.(?=\w))*\Z")
_LIST_NUMBER = re.compile(r"(?:\A|[\r\n])[ \t>]*\d{1,3}\Z")

CLOSING = "\"'”’»)"  # what may close a quotation

_NEVER_LAST = frozenset("dr mr mrs ms mx prof st mt vs cf viz approx ca bzw incl".split())
_BEFORE_A_NUMBER = frozenset("no nos nr fig figs eq eqs sec ch vol pp abb art al".split())


def sentence_ends(text: str, start: int = 0, end: int | None = None) -> Iterator[int]:
    """Yield the offset just after each sentence that ends in text[start:end].

    Line breaks are mere white space here. Closing quotes, brackets, and citation marks such as
    [1] after the full stop belong to the sentence.
    """
    stop = len(text) if end is None else end
    for match in _END.finditer(text, start, stop):
        if match[1] is None or not _goes_on(text, match):
            yield match.end()


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of each sentence; line breaks end sentences too.

    A span begins after the markers of its line ("- ", "* ", "1. ", "> ", "# ") and carries no
    white space at its ends. Spans without a letter or digit, such as rules, are left out.
    """
    spans: list[tuple[int, int]] = []
    for line in _LINE.finditer(text):
        markers = _MARKERS.match(text, line.start(), line.end())
        start = markers.end() if markers else line.start()
        for end in (*sentence_ends(text, start, line.end()), line.end()):
            sentence = text[start:end]
            if any(character.isalnum() for character in sentence):
                start += len(sentence) - len(sentence.lstrip())
                spans.append((start, start + len(sentence.strip())))
                start = end
    return spans


def _goes_on(text: str, match: re.Match[str]) -> bool:
    """Tell whether the punctuation found is inside a sentence."""
    before = text[max(0, match.start() - 24) : match.start()]
    rest = text[match.end() : match.end() + 24].lstrip()
    after = rest[:1]
    mark = match[1][0]
    if mark in "!?":  # "Why?" he asked; some texts set a space before the quote
        quoted = match[1][-1] in CLOSING or after in CLOSING
        return quoted and rest.lstrip(f" {CLOSING}")[:1].islower()
    if mark == "…" or match[1].startswith(".."):
        return after.islower()
    if mark != ".":
        return False
    if _LIST_NUMBER.search(before):
        return True
    found = _LAST_WORD.search(before)
    if not found:
        return False
    last = found[0].rpartition(".")[2].lower()  # the "g" of "e.g"
    if len(last) == 1 or last in _NEVER_LAST:
        return True
    if last in _BEFORE_A_NUMBER and (after.isdigit() or after in "(["):
        return True
    return after.islower() and (len(last) <= 4 or "." in found[0])
