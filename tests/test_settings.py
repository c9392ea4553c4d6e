"""Defaults, variables and options, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import SettingError
from ingest.settings import Settings


def test_defaults_without_any_variable() -> None:
    settings = Settings.read({})
    assert settings == Settings()
    assert (settings.corpus, settings.index) == (Path("corpus"), Path(".whybot"))
    assert settings.model == "auto"


def test_every_setting_has_its_variable() -> None:
    texts = {"corpus": "/a", "index": "/b", "cache": "/c"}
    numbers = {"top_k": 3, "window": 2048, "max_tokens": 128, "threads": 2}
    words = {
        "chroma": "http://localhost:8000",
        "history": "off",
        "model": "embedded",
        "embedder": "x",
        "grounding": "show",
    }
    wanted: dict[str, Any] = {**texts, **numbers, **words}
    assert wanted.keys() == {field.name for field in dataclasses.fields(Settings)}
    settings = Settings.read({f"WHYBOT_{name.upper()}": str(wanted[name]) for name in wanted})
    for name, value in wanted.items():
        expected = Path(value) if name in texts else value
        assert getattr(settings, name) == expected


def test_an_option_wins_over_its_variable_and_none_does_not() -> None:
    environ = {"WHYBOT_MODEL": "embedded", "WHYBOT_TOP_K": "7"}
    settings = Settings.read(environ, model="ollama:x", top_k=None)
    assert (settings.model, settings.top_k) == ("ollama:x", 7)


def test_an_empty_variable_is_as_none() -> None:
    assert Settings.read({"WHYBOT_TOP_K": "", "WHYBOT_CORPUS": ""}) == Settings()


def test_the_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert Settings.read({"WHYBOT_CACHE": "~/models"}).cache == tmp_path / "models"


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("top_k", "many"),
        ("top_k", "0"),
        ("top_k", "21"),
        ("top_k", "2.5"),
        ("window", "1023"),
        ("max_tokens", "15"),
        ("threads", "-1"),
    ],
)
def test_a_wrong_number_is_named(name: str, raw: str) -> None:
    with pytest.raises(SettingError, match=raw) as caught:
        Settings.read({f"WHYBOT_{name.upper()}": raw})
    assert name in str(caught.value).lower()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "values"), [("top_k", (1, 20)), ("window", (1024, 1 << 20))])
def test_the_ends_of_a_range_belong_to_it(name: str, values: tuple[int, int]) -> None:
    for value in values:
        assert getattr(Settings.read({}, **{name: value}), name) == value


def test_options_are_checked_like_variables() -> None:
    with pytest.raises(SettingError, match="top_k is 0"):
        Settings.read({}, top_k=0)


def test_an_answer_may_take_half_of_the_window_and_not_more() -> None:
    assert Settings.read({}, window=1024, max_tokens=512).max_tokens == 512
    with pytest.raises(SettingError, match="max_tokens"):
        Settings.read({}, window=1024, max_tokens=513)
