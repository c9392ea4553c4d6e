"""Metrics give the numbers of the packages people compare with, and honest intervals."""

from __future__ import annotations

import math

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import RR, R, nDCG
from sklearn.metrics import f1_score

from bot.evaluation.metrics import (
    mean,
    ndcg,
    normalised,
    occurs,
    p90,
    ratio,
    recall,
    reciprocal_rank,
    rouge_l,
    share,
    weighted_f1,
)


def test_a_share_has_wilsons_interval() -> None:
    found = share([True] * 45 + [False] * 3)
    assert found is not None
    assert (found.value, found.n) == (0.9375, 48)
    # (hits + z²/2 ± z sqrt(hits (n - hits) / n + z²/4)) / (n + z²), z = 1.959964
    assert [found.low, found.high] == pytest.approx([0.8316456195, 0.9785167671])


@pytest.mark.parametrize("outcome", [True, False])
def test_a_share_of_all_or_none_stays_within_0_and_1_and_is_not_certain(outcome: bool) -> None:
    found = share([outcome] * 30)
    assert found is not None and 0 <= found.low < found.high <= 1
    assert (found.low < 0.9 and found.high == 1) if outcome else (found.low == 0 < found.high)


def test_of_nothing_there_is_no_estimate() -> None:
    assert share([]) is mean([]) is p90([]) is weighted_f1([]) is ratio([]) is None


def test_a_mean_has_an_interval_that_repeats_and_shrinks() -> None:
    few, many = mean([0.0, 1.0] * 10), mean([0.0, 1.0] * 1000)
    assert few is not None and many is not None
    assert few == mean([0.0, 1.0] * 10)
    assert few.low < 0.35 < 0.65 < few.high
    assert 0.47 < many.low < 0.5 < many.high < 0.53
    assert (few.value, few.n) == (0.5, 20)


def test_one_value_says_nothing_of_how_far_others_are() -> None:
    for found in (mean([3]), p90([3])):
        assert found is not None and (found.value, found.low, found.high, found.n) == (3, 3, 3, 1)


def test_p90_is_what_nine_of_ten_stay_under() -> None:
    found = p90([float(n) for n in range(101)])
    assert found is not None and found.value == 90 and found.low < 90 < found.high


def test_a_ratio_is_of_the_sums_and_has_an_interval_that_repeats() -> None:
    pairs = [(1.0, 1.0), (0.0, 3.0), (0.0, 0.0)] * 20
    found = ratio(pairs)
    assert found is not None and found == ratio(pairs)
    assert (found.value, found.n) == (0.25, 60)
    assert 0.1 < found.low < 0.25 < found.high < 0.5


def test_a_ratio_to_nothing_is_none_and_one_to_nearly_nothing_is_no_error() -> None:
    assert ratio([(1.0, 0.0)]) is None
    found = ratio([(1.0, 2.0), (0.0, 0.0)])
    assert found is not None and found.low == found.value == found.high == 0.5


def test_weighted_f1_weighs_each_class_by_its_true_count() -> None:
    always_yes = weighted_f1([(True, True)] * 30 + [(False, True)] * 30)
    assert always_yes is not None and always_yes.value == pytest.approx(1 / 3)
    mixed = [(True, True)] * 5 + [(True, False)] * 3 + [(False, True)] * 1 + [(False, False)] * 2
    found = weighted_f1(mixed)
    expected = f1_score(*zip(*mixed, strict=True), average="weighted")
    assert found is not None and found.value == pytest.approx(expected)
    assert found.low < found.value < found.high and found.n == 11


def test_weighted_f1_of_one_class_counts_that_class_alone() -> None:
    found = weighted_f1([(True, True)] * 4)
    assert found is not None and (found.value, found.low, found.high) == (1, 1, 1)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("**Retrieval-Augmented\n Generation**", "retrieval-augmented generation"),
        ("- one\n- `two`\n3. three", "one two three"),
        ("## Head\nbody", "head body"),
        ("“quoted” ‘it’s’ non‑breaking", "\"quoted\" 'it's' non-breaking"),
        ("STRASSE Straße", "strasse strasse"),
        ("C# and max_tokens", "c# and max_tokens"),
    ],
)
def test_normalising_takes_markup_case_and_typography_away(text: str, plain: str) -> None:
    assert normalised(text) == plain


def test_every_group_must_occur_in_one_of_its_variants() -> None:
    groups = [["slower", "latency"], ["Complex"]]
    assert occurs(groups, "It is **complex** and adds latency.")
    assert not occurs(groups, "It adds latency.")
    assert not occurs(groups, "It is complex.")


def test_rouge_l_is_that_of_rouge_score() -> None:
    reference = (
        "The Reichsbank made unlimited printing of notes, thereby accelerating the devaluation of "
        "the mark."
    )
    answer = "In 1922 the Reichsbank responded by unlimited printing of notes; the mark fell."
    # rouge_score.rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    assert rouge_l(answer, [reference]) == pytest.approx(0.5925925926)
    assert rouge_l(answer, ["nothing alike", reference]) == pytest.approx(0.5925925926)
    assert rouge_l(answer.upper(), [answer]) == 1
    assert rouge_l("", [reference]) == rouge_l(answer, []) == 0


def test_rouge_l_keeps_the_order_of_words() -> None:
    assert rouge_l("c b a", ["a b c"]) == pytest.approx(1 / 3)


RANKED = ["x", "a", "y", "b", "z", "c"]


def test_recall_is_the_share_of_relevant_ids_found() -> None:
    relevant = {"a": 1, "b": 1, "elsewhere": 1}
    assert recall(RANKED, relevant, 1) == 0
    assert recall(RANKED, relevant, 2) == pytest.approx(1 / 3)
    assert recall(RANKED, relevant, 10) == pytest.approx(2 / 3)


def test_ndcg_discounts_by_rank_and_divides_by_the_best_possible() -> None:
    assert ndcg(["a"], {"a": 1}, 10) == 1
    assert ndcg(RANKED, {"a": 1}, 10) == pytest.approx(1 / math.log2(3))
    assert ndcg(RANKED, {"a": 1}, 1) == 0
    best = 2 / math.log2(2) + 1 / math.log2(3)
    assert ndcg(RANKED, {"a": 1, "b": 2}, 10) == pytest.approx(
        (1 / math.log2(3) + 2 / math.log2(5)) / best
    )


def test_the_reciprocal_rank_is_of_the_first_relevant_id() -> None:
    assert reciprocal_rank(RANKED, {"b": 1, "a": 1}, 10) == 0.5
    assert reciprocal_rank(RANKED, {"c": 1}, 5) == 0


IDS = "abcdefgh"
RANKINGS = st.permutations(IDS).flatmap(lambda ids: st.integers(0, 8).map(lambda n: ids[:n]))
GAINS = st.dictionaries(st.sampled_from([*IDS, "elsewhere"]), st.integers(1, 3), min_size=1)


@settings(deadline=None)
@given(RANKINGS, GAINS, st.sampled_from([1, 3, 10]))
def test_rankings_have_the_numbers_of_ir_measures(
    ranked: list[str], relevant: dict[str, int], k: int
) -> None:
    scores = {id: -float(rank) for rank, id in enumerate(ranked)}
    theirs = ir_measures.calc_aggregate([R @ k, nDCG @ k, RR @ k], {"q": relevant}, {"q": scores})
    assert theirs == {
        R @ k: pytest.approx(recall(ranked, relevant, k)),
        nDCG @ k: pytest.approx(ndcg(ranked, relevant, k)),
        RR @ k: pytest.approx(reciprocal_rank(ranked, relevant, k)),
    }
