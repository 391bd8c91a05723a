"""Visible checks of chapter 10, "Fast and slow"."""

from __future__ import annotations

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake
from saw_edu.course.ch10.loop_checks import asynchronous as asynchronous

# --- Exercise 1: how old a command is ---


def _ages(ticks: int, latency: int, period: int) -> Tensor:
    time = torch.arange(ticks)
    return torch.where(time < latency, -1, latency + (time - latency) % period)


def _command_age(ticks: int, latency: int, every: int) -> Tensor:
    return _ages(ticks, latency, max(every, latency, 1))


command_age = Check(
    "command_age",
    [
        Case("a quick thought: 2 ticks, a look every 5", 14, 2, 5, expect=_command_age(14, 2, 5)),
        Case("no thinking time, a look every 3", 7, 0, 3, expect=_command_age(7, 0, 3)),
        Case("a thought that takes longer than the time between looks", 16, 6, 4, expect=_command_age(16, 6, 4)),
        Case("always thinking", 9, 3, 1, expect=_command_age(9, 3, 1)),
    ],
    reference=_command_age,
    mistakes=[
        Mistake(
            "thinking time forgotten",
            "You count from the tick in which a command came. It rests on what was seen when the thought *began*.",
            wrong=lambda n, latency, every: torch.where(
                torch.arange(n) < latency, -1, (torch.arange(n) - latency) % max(every, latency, 1)
            ),
        ),
        Mistake(
            "too many looks",
            "Right while thoughts are quick. A slow level that is still thinking cannot look again: how far apart are "
            "two looks, at least?",
            wrong=lambda n, latency, every: _ages(n, latency, every),
        ),
        Mistake(
            "waits before it looks again",
            "You add thinking time and `every`. Here the next look comes `every` ticks after the last *look*, or as "
            "soon as the thought is finished, whichever is later.",
            wrong=lambda n, latency, every: _ages(n, latency, max(every + latency, 1)),
        ),
        Mistake(
            "a command from the start",
            "In the first ticks no thought is finished: there is no command, and -1 is asked for.",
            wrong=lambda n, latency, every: latency + (torch.arange(n) - latency) % max(every, latency, 1),
        ),
        Mistake(
            "a tick too late",
            "One tick off: a thought that began at tick 0 and takes 2 ticks can be used *at* tick 2.",
            wrong=lambda n, latency, every: torch.where(
                torch.arange(n) <= latency, -1, latency + (torch.arange(n) - latency) % max(every, latency, 1)
            ),
        ),
        Mistake(
            "since the last look",
            "These are ticks since the *last* look. Its thought is not finished yet: which look is the command "
            "in force about?",
            wrong=lambda n, latency, every: torch.where(
                torch.arange(n) < latency, -1, torch.arange(n) % max(every, latency, 1)
            ),
        ),
        Mistake(
            "never renewed",
            "Your commands only grow older. When is a newer one there?",
            wrong=lambda n, latency, every: torch.where(torch.arange(n) < latency, -1, torch.arange(n)),
        ),
    ],
)

# --- Exercise 2: which command is usable ---


def _usable(issued: list[tuple[int, str]], latency: int, tick: int) -> str | None:
    found = [command for at, command in issued if at + latency <= tick]
    return found[-1] if found else None


def _exact(issued: list[tuple[int, str]], latency: int, tick: int) -> str | None:
    found = [command for at, command in issued if at + latency == tick]
    return found[-1] if found else None


def _oldest(issued: list[tuple[int, str]], latency: int, tick: int) -> str | None:
    return next((command for at, command in issued if at + latency <= tick), None)


def _newest_only(issued: list[tuple[int, str]], latency: int, tick: int) -> str | None:
    return issued[-1][1] if issued and issued[-1][0] + latency <= tick else None


_CROWDED = [(0, "a"), (1, "b"), (2, "c"), (5, "d")]
_TRIES = {
    "nothing was issued": ([], 2, 7),
    "the first thought is not finished": ([(3, "left")], 3, 5),
    "it has just been finished": ([(3, "left")], 3, 6),
    "some time after": ([(3, "left")], 3, 20),
    "several on their way": (_CROWDED, 2, 3),
    "a newer one is on its way": (_CROWDED, 2, 6),
    "no thinking time": (_CROWDED, 0, 5),
}
usable_command = Check(
    "usable_command",
    [Case(label, *inputs, expect=_usable(*inputs)) for label, inputs in _TRIES.items()],
    reference=_usable,
    mistakes=[
        Mistake(
            "used at once",
            "A command was used before its thought was finished. It is usable `latency` ticks after the look.",
            wrong=lambda issued, latency, tick: issued[-1][1] if issued else None,
        ),
        Mistake("the oldest", "Several commands are usable, and you give the oldest. Which is wanted?", wrong=_oldest),
        Mistake(
            "a tick too late",
            "One tick off: issued at tick t, a command is usable *at* t + latency.",
            wrong=lambda issued, latency, tick: _usable(issued, latency, tick - 1),
        ),
        Mistake(
            "in one tick only",
            "Your command is usable in one tick only. What is in force afterwards, until a newer one comes?",
            wrong=_exact,
        ),
        Mistake(
            "the newest only",
            "A command that was just issued, and is not usable yet, drove out one that is.",
            wrong=_newest_only,
        ),
    ],
)

# --- Exercise 4: labels for later ---

_LABELS = torch.tensor([5, 6, 7, 8, 1, 2, 3])
_ENDS = torch.tensor([4, 7])


def _last_rows(labels: Tensor, ends: Tensor) -> Tensor:
    rows = torch.arange(len(labels))
    return ends[torch.searchsorted(ends, rows, right=True)] - 1


def _labels_ahead(labels: Tensor, ends: Tensor, latency: int) -> Tensor:
    return labels[torch.minimum(torch.arange(len(labels)) + latency, _last_rows(labels, ends))]


def _crosses(labels: Tensor, ends: Tensor, latency: int) -> Tensor:
    return labels[(torch.arange(len(labels)) + latency).clamp(max=len(labels) - 1)]


def _into_the_past(labels: Tensor, ends: Tensor, latency: int) -> Tensor:
    first = torch.cat([ends.new_zeros(1), ends[:-1]])[torch.searchsorted(ends, torch.arange(len(labels)), right=True)]
    return labels[torch.maximum(torch.arange(len(labels)) - latency, first)]


def _next_first(labels: Tensor, ends: Tensor, latency: int) -> Tensor:
    rows = torch.minimum(torch.arange(len(labels)) + latency, _last_rows(labels, ends) + 1)
    return labels[rows.clamp(max=len(labels) - 1)]


def _bounds_one_off(labels: Tensor, ends: Tensor, latency: int) -> Tensor:
    rows = torch.arange(len(labels))
    return labels[torch.minimum(rows + latency, ends[torch.searchsorted(ends, rows)] - 1)]


def _end_as_it_was(labels: Tensor, ends: Tensor, latency: int) -> Tensor:
    moved = labels.clone()
    moved[: max(0, len(labels) - latency)] = labels[latency:]
    return moved


labels_ahead = Check(
    "labels_ahead",
    [
        Case("two episodes, 2 ticks", _LABELS, _ENDS, 2, expect=_labels_ahead(_LABELS, _ENDS, 2)),
        Case("no thinking time", _LABELS, _ENDS, 0, expect=_LABELS),
        Case("thoughts longer than an episode", _LABELS, _ENDS, 6, expect=_labels_ahead(_LABELS, _ENDS, 6)),
        Case("an episode of one row", torch.tensor([4, 9, 8, 7]), torch.tensor([1, 4]), 1),
    ],
    reference=_labels_ahead,
    mistakes=[
        Mistake(
            "crosses an episode's end",
            "Near an episode's end you take labels of the *next* episode. Nothing crashes when a net trains on that. "
            "Stay at the episode's own last row.",
            wrong=_crosses,
        ),
        Mistake(
            "wraps around",
            "The last rows get labels from the beginning of the data.",
            wrong=lambda labels, ends, latency: labels.roll(-latency),
        ),
        Mistake(
            "the end left as it was",
            "You move the whole tensor at once: labels cross from one episode into the next, and the last rows keep "
            "labels of now.",
            wrong=_end_as_it_was,
        ),
        Mistake(
            "first rows in the wrong episode",
            "Right but for the first row of an episode: `episode_ends` is the row *after* the last one, and so belongs "
            "to the next episode already. See `right=` of `searchsorted`.",
            wrong=_bounds_one_off,
        ),
        Mistake(
            "into the past",
            "These are labels from before the look. A command is needed for *after* it.",
            wrong=_into_the_past,
        ),
        Mistake(
            "one row too far",
            "At an episode's end you arrive at the first row of the next one: `episode_ends` is the row *after* its "
            "last.",
            wrong=_next_first,
        ),
        Mistake(
            "not moved at all",
            "These are the labels of now.",
            wrong=lambda labels, ends, latency: labels,
        ),
    ],
)

# --- Exercise 5: where to enter a chunk ---

_CHUNK = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]])


def _entry(chunk: Tensor, asked: int, arrived: int, now: int) -> Tensor:
    return chunk[min(now - asked, len(chunk) - 1)]


chunk_action = Check(
    "chunk_action",
    [
        Case("asked at 10, there at 12, wanted at once", _CHUNK, 10, 12, 12, expect=_CHUNK[2]),
        Case("a tick later", _CHUNK, 10, 12, 13, expect=_CHUNK[3]),
        Case("no delay", _CHUNK, 5, 5, 5, expect=_CHUNK[0]),
        Case("after its last action", _CHUNK, 10, 11, 19, expect=_CHUNK[3]),
    ],
    reference=_entry,
    mistakes=[
        Mistake(
            "counted from its arrival",
            "You begin a chunk at its beginning, whenever it comes. Its first action was meant for the tick of the "
            "*look*: you do everything late, by the delay.",
            wrong=lambda chunk, asked, arrived, now: chunk[min(now - arrived, len(chunk) - 1)],
        ),
        Mistake(
            "the delay twice",
            "You count the delay twice: the ticks from the look to now have it in them.",
            wrong=lambda chunk, asked, arrived, now: chunk[min(now - asked + arrived - asked, len(chunk) - 1)],
        ),
        Mistake(
            "begins again",
            "After its last action your chunk begins again. Hold the last one: nobody planned the rest.",
            wrong=lambda chunk, asked, arrived, now: chunk[(now - asked) % len(chunk)],
        ),
        Mistake(
            "one too far",
            "One off: in the tick of the look itself, the chunk's first action is the right one.",
            wrong=lambda chunk, asked, arrived, now: chunk[min(now - asked + 1, len(chunk) - 1)],
        ),
        Mistake(
            "always the same",
            "You always give one and the same action of the chunk, whatever the tick.",
            wrong=lambda chunk, asked, arrived, now: chunk[0],
        ),
    ],
)
