"""What the exit codes of `whybot` mean."""

ANSWERED, FAILED, USAGE, ABSTAINED, INTERRUPTED = 0, 1, 2, 3, 130
