"""Hidden tests and mutants of chapter 10."""

import torch

from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch10 import checks as ch10
from saw_edu.course.ch10.loop_checks import drive, right


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


command_age = Check(
    "command_age",
    [
        Case("long", 60, 7, 11),
        Case("a long thought", 60, 13, 4),
        Case("as long as the time between looks", 40, 5, 5),
        Case("shorter than a thought", 4, 9, 2),
    ],
    reference=ch10.command_age.reference,
    mistakes=ch10.command_age.mistakes,
)

_ISSUED = [(0, "a"), (3, "b"), (4, "c"), (9, "d"), (10, "e"), (20, "f")]
usable_command = Check(
    "usable_command",
    [
        Case(f"latency {latency}, tick {tick}", _ISSUED, latency, tick)
        for latency in (0, 1, 5)
        for tick in (0, 5, 8, 14, 40)
    ],
    reference=ch10.usable_command.reference,
    mistakes=ch10.usable_command.mistakes,
)

asynchronous = Check(
    "asynchronous",
    [
        Case(f"latency {latency}, every {every}", run=loop, expect=loop(right))
        for latency, every in ((5, 5), (7, 2), (1, 8), (0, 1))
        for loop in [drive(24, latency, every)]
    ],
    mistakes=ch10.asynchronous.mistakes,
)

_ENDS = torch.tensor([3, 4, 11, 30])
_LABELS = torch.randint(100, (30,), generator=_generator(0))
labels_ahead = Check(
    "labels_ahead",
    [Case(f"{latency} ticks", _LABELS, _ENDS, latency) for latency in (1, 5, 40)],
    reference=ch10.labels_ahead.reference,
    mistakes=ch10.labels_ahead.mistakes,
)

_CHUNK = torch.randn(9, 3, generator=_generator(1))
chunk_action = Check(
    "chunk_action",
    [
        Case(f"asked {a}, there {b}, now {n}", _CHUNK, a, b, n)
        for a, b, n in ((0, 3, 5), (4, 4, 7), (7, 12, 40), (2, 9, 9))
    ],
    reference=ch10.chunk_action.reference,
    mistakes=ch10.chunk_action.mistakes,
)

MUTANTS = {
    "command-age": [
        Mutant("too many looks", replace=("max(every, latency, 1)", "max(every, 1)")),
        Mutant("waits before it looks again", replace=("max(every, latency, 1)", "max(every + latency, 1)")),
        Mutant("thinking time forgotten", replace=("latency + (time - latency)", "(time - latency)")),
        Mutant(
            "a command from the start",
            replace=(
                "torch.where(time < latency, -1, latency + (time - latency) % period)",
                "latency + (time - latency) % period",
            ),
        ),
        Mutant("a tick too late", replace=("time < latency", "time <= latency")),
    ],
    "usable-command": [
        Mutant("a tick too late", replace=("at + latency <= tick", "at + latency < tick")),
        Mutant("the oldest", replace=("found[-1]", "found[0]")),
        Mutant("used at once", replace=("at + latency <= tick", "True")),
        Mutant("in one tick only", replace=("at + latency <= tick", "at + latency == tick")),
    ],
    "asynchronous": [
        Mutant("begins before it has finished", replace=("max(every, buffer.latency)", "every")),
        Mutant("thinks too seldom", replace=("max(every, buffer.latency)", "every + buffer.latency")),
        Mutant("thinks in every tick", replace=("last is None or tick - last >= max(every, buffer.latency)", "True")),
    ],
    "labels-ahead": [
        Mutant(
            "crosses an episode's end",
            replace=("torch.minimum(rows + latency, last)", "(rows + latency).clamp(max=len(labels) - 1)"),
        ),
        Mutant("one row too far", replace=("right=True)] - 1", "right=True)].clamp(max=len(labels) - 1)")),
        Mutant("not moved at all", replace=("rows + latency", "rows")),
    ],
    "chunk-action": [
        Mutant("counted from its arrival", replace=("now - asked", "now - arrived")),
        Mutant(
            "begins again", replace=("chunk[min(now - asked, len(chunk) - 1)]", "chunk[(now - asked) % len(chunk)]")
        ),
        Mutant("one too far", replace=("now - asked", "now - asked + 1")),
    ],
}
ALTERNATIVES = {
    "command-age": [
        """
def command_age(ticks, latency, every):
    looks, ages = [], []
    for tick in range(ticks):
        if not looks or tick - looks[-1] >= max(every, latency):
            looks.append(tick)
        usable = [look for look in looks if look + latency <= tick]
        ages.append(tick - usable[-1] if usable else -1)
    return torch.tensor(ages)
""",
    ],
    "usable-command": [
        """
def usable_command(issued, latency, tick):
    current = None
    for at, command in issued:
        if tick - at >= latency:
            current = command
    return current
""",
    ],
    "asynchronous": [
        """
def asynchronous(buffer, look, think, act, ticks, every):
    free = 0
    for tick in range(ticks):
        seen = look()
        if tick >= free:
            buffer.issue(tick, think(seen))
            free = tick + max(every, buffer.latency)
        act(seen, buffer.read(tick))
""",
    ],
    "labels-ahead": [
        """
def labels_ahead(labels, episode_ends, latency):
    parts, start = [], 0
    for end in episode_ends.tolist():
        episode = labels[start:end]
        parts.append(torch.cat([episode[latency:], episode[-1:].repeat(min(latency, len(episode)))]))
        start = end
    return torch.cat(parts)
""",
    ],
    "chunk-action": [
        """
def chunk_action(chunk, asked, arrived, now):
    passed = now - asked
    return chunk[-1] if passed >= len(chunk) else chunk[passed]
""",
    ],
}
