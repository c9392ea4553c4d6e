"""The file of a receipt, in its two forms: JSON, and a page that carries the JSON."""

from __future__ import annotations

import json
import os
import shlex
from html.parser import HTMLParser
from pathlib import Path

from bot.records import receipt_html
from bot.records.receipt import MEND, NotAReceipt, Receipt
from ingest import library
from ingest.errors import SettingError

PAGE = ".html"  # a file of any other ending is JSON


def write(receipt: Receipt, path: Path) -> None:
    """Write the file, whole or not at all; its ending decides its form. Raises SettingError."""
    if path.suffix.lower() == PAGE:
        text = receipt_html.page(receipt)
    else:
        text = json.dumps(receipt.to_json(), ensure_ascii=False, indent=2) + "\n"
    try:
        library.write_whole(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise SettingError(f"{path} cannot be written: {error.strerror}.") from error


def check_place(path: Path) -> None:
    """Find out before any work whether a file can be written. Raises SettingError."""
    folder = path.parent
    if not folder.is_dir():
        raise SettingError(f"There is no folder {folder}.", f"mkdir -p {shlex.quote(str(folder))}")
    if path.is_dir() or not os.access(folder, os.W_OK):
        raise SettingError(f"{path} cannot be written.")


def read(path: Path) -> Receipt:
    """Read a receipt of either form. Raises NotAReceipt."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise NotAReceipt(f"{path} cannot be read: {error.strerror}.", MEND) from error
    except UnicodeDecodeError as error:
        raise NotAReceipt(f"{path} is no receipt: it is not UTF-8.", MEND) from error
    try:
        data = json.loads(text if text.lstrip().startswith("{") else _carried(text))
        json.dumps(data, ensure_ascii=False).encode()  # half a character is none
    except (ValueError, RecursionError) as error:
        raise NotAReceipt(f"{path} is no receipt: it holds no JSON of one.", MEND) from error
    try:
        return Receipt.from_json(data)
    except NotAReceipt as error:
        raise NotAReceipt(f"{path} cannot be replayed. {error.message}", error.mend) from error


def _carried(page: str) -> str:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    """Find the JSON that a page carries."""

    def __init__(self) -> None:
        super().__init__()
        self.found = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script" and ("id", receipt_html.ID) in attrs

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found += data
