"""Everything a user can mend: one class a situation, under one base.

The command line prints the message and exits 1; the web page shows the same line. Any other
exception is a bug and keeps its traceback.

    WhybotError
    ├── SettingError        a WHYBOT_* variable or option that cannot be used
    ├── WeightsUnavailable  no source could be reached, or none has the file
    ├── WeightsCorrupt      bytes arrived, and their SHA-256 is not the pinned one
    ├── DocumentUnreadable  one file of the corpus: skipped, the rest goes on
    ├── ReadersUnavailable  no process can be started that reads documents
    ├── IndexMissing        nothing was ingested yet
    ├── IndexMismatch       another embedder or chunker made the index
    ├── IndexBusy           another process is writing
    ├── IndexUnreachable    the Chroma server does not answer, or the folder is damaged
    ├── ModelUnavailable    the chat model asked for cannot be had
    └── ModelFailed         the chat model broke off
"""


class WhybotError(Exception):
    """Say in one line what is wrong, and which command mends it."""

    def __init__(self, message: str, mend: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.message} Mend it with: {self.mend}" if self.mend else self.message


class SettingError(WhybotError):
    """A WHYBOT_* variable or an option has a value that cannot be used."""


class WeightsUnavailable(WhybotError):
    """Neither the hub nor the mirror gave the file."""


class WeightsCorrupt(WhybotError):
    """A file arrived whole, but its SHA-256 is not the pinned one."""


class DocumentUnreadable(WhybotError):
    """One document cannot be read; its message is the reason alone, without the file's name."""


class ReadersUnavailable(WhybotError):
    """The processes that read documents cannot be started."""


class IndexMissing(WhybotError):
    """The index holds nothing yet."""


class IndexMismatch(WhybotError):
    """The index was made by another embedder or chunker."""


class IndexBusy(WhybotError):
    """Another process holds the write lock."""


class IndexUnreachable(WhybotError):
    """The Chroma server does not answer, or the index folder cannot be opened."""


class ModelUnavailable(WhybotError):
    """The chat model asked for cannot be had."""


class ModelFailed(WhybotError):
    """The chat model broke off in the middle of its work."""
