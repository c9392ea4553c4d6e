"""The settings: defaults, overridden by WHYBOT_* variables, overridden by options.

Read once at the entry point and passed down; no other module looks at the environment for them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import platformdirs

from ingest.errors import SettingError


@dataclass(frozen=True)
class Settings:
    """Hold every setting; the comment after each is what `whybot --help` and README say of it."""

    corpus: Path = Path("corpus")  # the folder of documents
    index: Path = Path(".whybot")  # the folder of the Chroma index
    chroma: str = ""  # http://host:port of a Chroma server, instead of the folder
    history: str = ""  # the folder of conversations (one in the index folder); off: none is kept
    cache: Path = field(  # where model weights are kept
        default_factory=lambda: platformdirs.user_cache_path("whybot")
    )
    model: str = "auto"  # auto, embedded, embedded:small, ollama:NAME, gguf:PATH, provider:model
    embedder: str = "all-MiniLM-L6-v2"  # or the folder of a sentence-transformers model
    top_k: int = 5  # passages shown to the model, at most
    window: int = 4096  # tokens the model can see at once: prompt and answer together
    max_tokens: int = 400  # tokens of an answer, at most
    grounding: str = "strict"  # strict: withhold unsupported sentences; show: only mark them
    threads: int = 0  # threads of the embedded engine; 0: one for each physical core

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ, **options: Any) -> Settings:
        """Read the settings; an option that is None leaves its setting alone.

        Raises SettingError when a value is not of its setting's type or range.
        """
        default = cls()
        values: dict[str, Any] = {}
        for name in (setting.name for setting in fields(cls)):
            if raw := environ.get(f"WHYBOT_{name.upper()}"):
                values[name] = _parse(name, raw, getattr(default, name))
        values.update({name: value for name, value in options.items() if value is not None})
        return replace(default, **values)._checked()

    def _checked(self) -> Settings:
        for name, least, most in (
            ("top_k", 1, 20),
            ("window", 1024, 1 << 20),
            ("max_tokens", 16, 1 << 16),
            ("threads", 0, 1024),
        ):
            if not least <= getattr(self, name) <= most:
                raise SettingError(
                    f"{name} is {getattr(self, name)}, and must lie between {least} and {most}."
                )
        if self.grounding not in ("strict", "show"):
            raise SettingError(f"grounding is {self.grounding!r}, and must be strict or show.")
        if self.max_tokens > self.window // 2:
            raise SettingError(
                f"max_tokens ({self.max_tokens}) leaves too little of the window ({self.window}):"
                " it may take half of it at most."
            )
        return self


def _parse(name: str, raw: str, default: object) -> Any:
    if isinstance(default, Path):
        return Path(raw).expanduser()
    if isinstance(default, str):
        return raw
    try:
        return int(raw)
    except ValueError:
        raise SettingError(f"WHYBOT_{name.upper()} is {raw!r}, and must be a number.") from None
