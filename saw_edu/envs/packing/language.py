"""What one says in TinyPacking, at two grains: coarse ("get the key", "pack the ball") and fine ("move left").

A phrase is its number in `PHRASES`: first the coarse ones, then a fine one for each action.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from saw_edu.envs.packing.rules import IN_BAG, OBJECTS, PICK, PUT

COARSE = ("get the key", "open the door", *(f"get the {x}" for x in OBJECTS), *(f"pack the {x}" for x in OBJECTS))
FINE = ("move up", "move down", "move left", "move right", "pick it up", "put it down", "turn the key")
PHRASES = COARSE + FINE
GET_KEY, OPEN_DOOR, GET, PACK = 0, 1, 2, 5  # GET + object, PACK + object

WORDS = tuple(sorted({word for phrase in PHRASES for word in phrase.split()}))
PADDING = len(WORDS)  # stands behind the last word of a short phrase

assert len(FINE) == 7
assert FINE[PICK] == "pick it up"
assert FINE[PUT] == "put it down"


def fine_phrases(actions: Tensor) -> Tensor:
    """The fine phrase of each action: (B,) -> (B,)."""
    return actions + len(COARSE)


def tokens() -> Tensor:
    """(phrases, 3) numbers of words, `PADDING` behind the last."""
    longest = max(len(phrase.split()) for phrase in PHRASES)
    table = torch.full((len(PHRASES), longest), PADDING)
    for i, phrase in enumerate(PHRASES):
        for j, word in enumerate(phrase.split()):
            table[i, j] = WORDS.index(word)
    return table


def bag_of_words() -> Tensor:
    """(phrases, words) float: 1 where a phrase has a word. A row is what a small network is told."""
    return torch.nn.functional.one_hot(tokens(), len(WORDS) + 1).sum(1)[:, :-1].float()


def mission_words(codes: Sequence[int]) -> str:
    """Where ball, box and cup belong (codes of `rules`) in words: "pack the ball, then the cup"."""
    named = sorted((code, name) for code, name in zip(codes, OBJECTS, strict=True) if code >= IN_BAG)
    return "pack " + ", then ".join(f"the {name}" for _, name in named)
