"""What the engine keeps of the prompts it has read, and how much of that may be used again.

The engine's kernels round a token's numbers by the token's place in its batch. P(Yes) of one prompt
was .87 or .85, by where the prompt before it had parted from it. What was read in whole batches,
counted from the first token, is the same to the last bit, whatever had been read before.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

BATCH = 64  # tokens of prompt between two chances to stop; costs 4 % of prefill against 512


@dataclass
class Slot:
    """One of the engine's slots: it holds its last prompt, and reads of the next what is new."""

    tokens: list[int] = field(default_factory=list)  # of a prompt; the first `clean` still hold
    clean: int = 0  # so many stand there as if they had been read in whole batches
    begun: bool = False  # something was asked since `begin`: all that is shared may be used

    def begin(self, tokens: list[int]) -> int:
        """Take a prompt that nothing else may show in; return how much of it is read already.

        Only whole batches are, and not all of it: something has to be left to read.
        """
        pairs = zip(tokens[:-1], self.tokens[: self.clean], strict=False)
        shared = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
        self.tokens, self.clean, self.begun = tokens, len(tokens), True
        return shared - shared % BATCH
