"""How much of what the engine has read may be used again."""

from __future__ import annotations

from bot.llm.prefix_cache import BATCH, Slot

PROMPT = list(range(1000, 1000 + 3 * BATCH))


def test_nothing_is_kept_of_nothing() -> None:
    assert Slot().begin(PROMPT) == 0


def test_only_whole_batches_that_are_the_same_are_kept() -> None:
    for shared, kept in [(BATCH - 1, 0), (BATCH, BATCH), (2 * BATCH + 5, 2 * BATCH)]:
        slot = Slot()
        slot.begin(PROMPT)
        assert slot.begin([*PROMPT[:shared], *[7] * 200]) == kept


def test_something_is_left_to_read() -> None:
    slot = Slot()
    slot.begin(PROMPT)
    assert slot.begin(PROMPT) == 2 * BATCH
    assert slot.begin(PROMPT[: 2 * BATCH]) == BATCH


def test_what_was_read_from_within_a_batch_is_not_kept() -> None:
    slot = Slot()
    slot.begin(PROMPT)
    slot.clean = 2 * BATCH - 1
    assert slot.begin(PROMPT) == BATCH
    assert slot.begin(PROMPT) == 2 * BATCH  # but now it is read as it should be
