"""Text of students as it can be shown: nothing in it that a terminal obeys or that hides what is written."""

import re
import unicodedata

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,16}[@-~]|\x1b[\]PX^_][^\x07\x1b\x9c]{0,4000}(?:\x07|\x1b\\\\|\x9c)?"
)
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_KEPT = "\n\t\u200c\u200d"  # joiners belong to Persian, to Hindi and to emoji


def plain_text(text: str) -> str:
    """A text without escape sequences; other characters that cannot be seen become a mark."""
    text = _ESCAPES.sub("", text)
    return "".join("�" if c not in _KEPT and unicodedata.category(c) in _UNSEEN else c for c in text)


def one_line(text: str, most: int = 300) -> str:
    """The same on one line, for names and for tables."""
    return " ".join(plain_text(text[: 4 * most]).split("\n")).replace("\t", " ")[:most]
