"""Words as numbers: a fixed list of words, and texts as rows of their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

PADDING = 0  # the number of "no word"; words are numbered from 1


@dataclass(frozen=True)
class Vocabulary:
    """The words that an agent knows, and how many of them a text may have.

    Args:
        words: each once; the first is number 1, for 0 fills the rest of a row.
        length: words in the longest text.

    Raises:
        ValueError: a word twice, no words, or a length below 1.
    """

    words: tuple[str, ...]
    length: int

    def __post_init__(self) -> None:
        if not self.words or len(set(self.words)) != len(self.words) or self.length < 1:
            raise ValueError(f"a vocabulary needs words, each once, and texts of at least one, got {self}")

    @staticmethod
    def of(texts: Iterable[str]) -> Vocabulary:
        """The vocabulary of some texts: their words in alphabetical order, and the length of the longest."""
        split = [text.split() for text in texts]
        return Vocabulary(tuple(sorted({word for text in split for word in text})), max(map(len, split), default=0))

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each word."""
        return {word: number for number, word in enumerate(self.words, start=1)}

    @property
    def size(self) -> int:
        """How many numbers there are, that of "no word" included."""
        return len(self.words) + 1

    def encode(self, texts: Sequence[str]) -> Tensor:
        """B texts -> (B, length) numbers of their words, filled up with 0.

        Raises:
            ValueError: a word that is not known, or a text that is too long; the message has the text.
        """
        rows = torch.full((len(texts), self.length), PADDING)
        for row, text in zip(rows, texts, strict=True):
            words = text.split()
            unknown = [word for word in words if word not in self.numbers]
            if unknown:
                raise ValueError(f"{text!r} has unknown words {unknown}; known are: {', '.join(self.words)}")
            if len(words) > self.length:
                raise ValueError(f"{text!r} has {len(words)} words, this vocabulary is for up to {self.length}")
            row[: len(words)] = torch.tensor([self.numbers[word] for word in words], dtype=torch.long)
        return rows

    def decode(self, rows: Tensor) -> list[str]:
        """The texts of rows (B, length) of numbers."""
        return [" ".join(self.words[number - 1] for number in row if number != PADDING) for row in rows.tolist()]
