"""Guesses which known word was meant by an unknown one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

LONGEST = 64
SURE = 5


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` most probably stands for, None where none is near.

    A candidate that differs in case alone wins; otherwise the first with the smallest Damerau-Levenshtein distance,
    which may be at most max(1, len(word) / 3) and must leave something in common.
    """
    return _closest(word, tuple(candidates))


@lru_cache(maxsize=1000)  # a repeat asks the same ten thousand times
def _closest(word: str, known: tuple[str, ...]) -> str | None:
    for candidate in known:
        if candidate.lower() == word.lower():
            return candidate
    if len(word) > LONGEST:
        return None
    limit = max(1.0, len(word) / 3)
    near = [candidate for candidate in known if abs(len(candidate) - len(word)) <= limit]
    best = min(near, key=lambda candidate: distance(word.lower(), candidate.lower()), default=None)
    if best is None:
        return None
    edits = distance(word.lower(), best.lower())
    return best if edits <= limit and edits < max(len(word), len(best)) else None


def is_slip(word: str, meant: str) -> bool:
    """Whether `word` is surely a slip of the pen for `meant`: another case, or one edit in a word of five letters.

    In a short word one edit makes another word: `MAE` is no slip for `MSE`.
    """
    return word.lower() == meant.lower() or (len(word) >= SURE and distance(word.lower(), meant.lower()) == 1)


def distance(left: str, right: str) -> int:
    """How many insertions, deletions, substitutions and swaps of neighbours turn `left` into `right`.

    No part is edited twice (optimal string alignment). Source: Damerau, Comm. ACM 7 (1964), 171-176.
    """
    older: list[int] = []
    old = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        new = [i]
        for j, b in enumerate(right, start=1):
            cost = min(old[j] + 1, new[j - 1] + 1, old[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and b == left[i - 2]:
                cost = min(cost, older[j - 2] + 1)
            new.append(cost)
        older, old = old, new
    return old[-1]
