"""How the bot works, in its own words: the part of its document that the code itself decides.

Reads every bar where it is in force. Its sentences must not sound like a refusal: an answer that
repeats one would be taken for the model's saying that the documents lack the answer.
"""

from __future__ import annotations

from bot import answerability, grounding, resolve, retrieval
from bot.models import Chosen
from bot.wording import many
from ingest.settings import Settings

Section = tuple[str, str]  # a question as people put it to the bot, and its answer


def sections(settings: Settings, chosen: Chosen) -> list[Section]:
    """Tell how questions are answered, refused and checked, with these settings and model."""
    return [*_search(settings), *_refusal(chosen), *_check(settings, chosen)]


def _search(settings: Settings) -> list[Section]:
    top_k, share = settings.top_k, retrieval.DENSE_WEIGHT
    return [
        (
            "How many passages do you read?",
            f"I read at most {many(top_k, 'passage')} for an answer: my top-k is {top_k}.",
        ),
        (
            "How do you search?",
            "My retrieval is hybrid: I search by meaning, with the cosine similarity of "
            "embeddings, and by words, with BM25.",
        ),
        (
            "Do you use a reranker?",
            "No, I do without a reranker: my passages stay in the order of their score.",
        ),
        (
            "How do you score a passage?",
            f"The score of a passage is {share:g} times its cosine plus {1 - share:g} times its "
            "BM25 over its upper bound.",
        ),
        (
            "How do you answer a question?",
            "I put a follow-up into words that stand alone, search for passages, and ask my chat "
            "model whether they can answer the question. Then my chat model writes a draft, I "
            "check every sentence of it against the passages, and I show what they state, with "
            "citations.",
        ),
        (
            "Do you remember my earlier questions?",
            f"Yes, I look at the last {many(resolve.TURNS, 'turn')} of our conversation to "
            "understand a follow-up question. I do not learn from what you ask or add.",
        ),
    ]


def _refusal(chosen: Chosen) -> list[Section]:
    score = f"the best passage has a score below {answerability.BAR:g}"
    support = "I can support no sentence of my draft"
    if chosen.one_token is None:
        decided = (
            f"I decide that I don't know, and refuse to answer, in two cases: {score}, or "
            f"{support}. My chat model gives no probabilities, so I cannot ask it whether I know."
        )
    else:
        decided = (
            f"I decide that I don't know, and refuse to answer, in three cases: {score}, the "
            f"probability that I can answer is below {answerability.DOUBT:.0%}, or {support}. My "
            "chat model's Yes, the best cosine, and names missing from the passages make that "
            f"probability. If it is below {answerability.SURE:.0%}, my draft has to convince: my "
            f"chat model has to say with a probability of {answerability.DRAFT_BAR:.0%} that it "
            f"answers the question. If it is below {answerability.LIKELY:.0%}, a sentence that my "
            f"draft rests on has to do so alone, with {answerability.RESTS_BAR:.0%}."
        )
    return [
        ("How do you decide that you don't know?", decided),
        (
            "When do you refuse to answer?",
            "I refuse to answer in four cases: the question is off the topics of the documents, "
            "its answer is probably missing there, it asks for a number or a date and my draft "
            "has none, or I can support no sentence of my draft.",
        ),
    ]


def _check(settings: Settings, chosen: Chosen) -> list[Section]:
    fate = "withheld" if settings.grounding == "strict" else "shown and marked as such"
    asked = (
        f"I look whether {grounding.SHARED:.0%} of its words stand in one sentence of a passage"
        if chosen.one_token is None
        else "I ask my chat model whether the passages state it, and a probability of "
        f"{grounding.SUPPORT_BAR:.0%} is needed ({grounding.FRAGMENT_BAR:.0%} for a fragment)"
    )
    again = [
        (
            "Which sentences of your draft do you check twice?",
            "I check a sentence of my draft twice where my chat model gives it a probability below "
            f"{grounding.SURE:.0%}: the nearest sentence of the passages, after the two before it, "
            f"has to state it with {grounding.CONTEXT_BAR:.0%}. The answer to a question for Yes "
            f"or No needs {grounding.ALONE_BAR:.0%} from the nearest sentence alone. Comparisons "
            "are spared both. My Yes or No has to be that of the sentence nearest to the question.",
        )
    ]
    return [
        (
            "How do you check your answers? Do you hallucinate?",
            "My chat model may hallucinate, so I check every sentence of its draft against the "
            "passages. A number or a name that the nearest passage lacks makes a sentence "
            "unsupported (in a comparison: that all lack), and so does a cosine to all of their "
            f"sentences that is below {grounding.LIKE:g}. For any other, {asked}.",
        ),
        *(again if chosen.one_token else ()),
        (
            "What do you do with sentences that you cannot support?",
            f"My grounding is {settings.grounding}: unsupported sentences are {fate}. "
            "Where my whole draft fails, I quote a sentence of the passages that answers the "
            f"question alone, with a probability of {answerability.QUOTE_BAR:.0%} or more.",
        ),
        (
            "How do you cite your sources?",
            "I cite the passage that comes nearest to a sentence. My citations are found in code "
            "instead of by my chat model, so that each names a passage that I read.",
        ),
    ]
