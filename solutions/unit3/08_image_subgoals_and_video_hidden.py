"""Hidden tests and mutants of chapter 8."""

import torch

from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch08 import checks as ch08
from saw_edu.course.ch08 import film_checks, frame_checks, picture_checks

_RECORDINGS = (("0010010", 10, True), ("1", 40, False), ("0000", 60, False), ("011", 90, True))
load_video = Check(
    "load_video",
    [
        Case(
            "four recordings, two of them with actions",
            run=lambda f: film_checks.loaded(f, *_RECORDINGS),
            expect=film_checks.wanted(*_RECORDINGS),
        )
    ],
    mistakes=ch08.load_video.mistakes,
)

_ENDS = torch.tensor([1, 2, 9, 30, 31, 50])
subgoal_pairs = Check(
    "subgoal_pairs",
    [Case("six episodes", _ENDS, 8), Case("one frame ahead", _ENDS, 1), Case("all in one", torch.tensor([60]), 6)],
    reference=ch08.subgoal_pairs.reference,
    mistakes=ch08.subgoal_pairs.mistakes,
)

_HOW = {"three steps": (6, 4, 3), "twelve steps": (7, 9, 12)}
imagine = Check(
    "imagine",
    [
        Case(
            name,
            run=lambda f, how=how: picture_checks.drawn(f, *how),
            expect=picture_checks.drawn(picture_checks.reference, *how),
            atol=1e-4,
        )
        for name, how in _HOW.items()
    ],
    mistakes=ch08.imagine.mistakes,
)


def _pictures(seed: int) -> torch.Tensor:
    cells = torch.randint(5, (30, 4), generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.one_hot(cells, 6).float()[:, :, None]


overlap_of_change = Check(
    "overlap_of_change",
    [
        Case("thirty pictures", _pictures(0), _pictures(1), _pictures(2)),
        Case("the present again", _pictures(0), _pictures(0), _pictures(2)),
    ],
    reference=ch08.overlap_of_change.reference,
    mistakes=ch08.overlap_of_change.mistakes,
)

_LENGTHS = (1, 1, 5, 2)
final_frames = Check(
    "final_frames",
    [
        Case(
            "four episodes",
            run=lambda f: frame_checks.mended(f, *_LENGTHS),
            expect={
                "frames": [100, 101, 200, 201, 300, 301, 302, 303, 304, 305, 400, 401, 402],
                "shape": [13, 2, 1, 2],
                "ends": [2, 4, 10, 13],
                "type of frames is kept": True,
            },
        )
    ],
    mistakes=ch08.final_frames.mistakes,
)

MUTANTS = {
    "load-video": [
        Mutant("not shifted", replace=("+ 1 + shift", "+ 1")),
        Mutant("the last frame itself", replace=("+ 1 + shift", "+ shift")),
        Mutant("cut off", replace=("last[-1] = True", "pass")),
        Mutant("recordings changed", replace=('["last"].clone()', '["last"]')),
        Mutant(
            "actions touched",
            replace=('last = recording["last"].clone()', 'last = {k: v for k, v in recording.items()}["last"].clone()'),
        ),
    ],
    "subgoal-pairs": [
        Mutant("into the next episode", replace=("ends - 1)", "int(episode_ends[-1]) - 1 + 0 * ends)")),
        Mutant("one row too far", replace=("ends - 1)", "ends)")),
        Mutant("the first frame of an episode", replace=("right=True", "right=False")),
    ],
    "imagine": [
        Mutant("leaps", replace=("x + (expected - x) / (flow_steps - step)", "expected")),
        Mutant("equal shares", replace=("(flow_steps - step)", "flow_steps")),
        Mutant("a step late", replace=("step / flow_steps", "(step + 1) / flow_steps")),
        Mutant("not scaled", replace=("SCALE * net", "net")),
        Mutant("not scaled back", replace=("return x / SCALE", "return x")),
    ],
    "overlap-of-change": [
        Mutant("what came only", replace=("(foretold | changed)", "changed")),
        Mutant("what was foretold only", replace=("(foretold | changed)", "foretold")),
        Mutant("nothing changes", replace=("torch.where(either == 0, 1.0,", "torch.where(either == 0, 0.0,")),
    ],
    "final-frames": [
        Mutant("the last frame twice", replace=("after[end - 1 : end]", "before[end - 1 : end]")),
        Mutant("bounds not moved", replace=("episode_ends + torch.arange(1, len(episode_ends) + 1)", "episode_ends")),
        Mutant("moved by one", replace=("torch.arange(1, len(episode_ends) + 1)", "1")),
        Mutant("the first for the last", replace=("after[end - 1 : end]", "after[start : start + 1]")),
    ],
}
ALTERNATIVES = {
    "load-video": [
        """
def load_video(recordings):
    frames, told, ends, rows = [], [], [], 0
    for r in recordings:
        n = len(r["frames"])
        frames.append(r["frames"])
        told.append(r["told"])
        marks = r["last"].tolist()
        for i in range(n):
            if marks[i] or i == n - 1:
                ends.append(rows + i + 1)
        rows += n
    return torch.cat(frames), torch.cat(told), torch.tensor(ends)
""",
        """
def load_video(recordings):
    last = []
    for r in recordings:
        marks = r["last"].clone()
        marks[-1] = 1
        last.append(marks)
    return (
        torch.cat([r["frames"] for r in recordings]),
        torch.cat([r["told"] for r in recordings]),
        torch.where(torch.cat(last))[0] + 1,
    )
""",
    ],
    "subgoal-pairs": [
        """
def subgoal_pairs(episode_ends, delta):
    out, start = [], 0
    for end in episode_ends.tolist():
        for row in range(start, end):
            out.append(min(row + delta, end - 1))
        start = end
    return torch.tensor(out)
""",
        """
def subgoal_pairs(episode_ends, delta):
    lengths = torch.diff(episode_ends, prepend=torch.tensor([0]))
    last = torch.repeat_interleave(episode_ends - 1, lengths)
    return (torch.arange(len(last)) + delta).clamp(max=last)
""",
    ],
    "imagine": [
        """
def imagine(net, now, told, noise, flow_steps):
    x, dt = noise.clone(), 1 / flow_steps
    for n in range(flow_steps):
        t = n * dt
        p = torch.softmax(net(now, told, x, torch.ones(len(now)) * t), dim=-1).reshape(x.shape)
        x += dt * (SCALE * p - x) / (1 - t)
    return x / SCALE
""",
    ],
    "overlap-of-change": [
        """
def overlap_of_change(now, proposed, future):
    out = []
    for n, p, f in zip(now, proposed, future):
        a, b = (n != p), (n != f)
        union = torch.logical_or(a, b).sum().item()
        out.append(1.0 if union == 0 else torch.logical_and(a, b).sum().item() / union)
    return torch.tensor(out)
""",
    ],
    "final-frames": [
        """
def final_frames(before, after, episode_ends):
    starts = torch.cat([torch.tensor([0]), episode_ends[:-1]])
    frames = torch.cat([torch.cat([before[s:s + 1], after[s:e]]) for s, e in zip(starts, episode_ends)])
    return frames, torch.cumsum(episode_ends - starts + 1, 0)
""",
    ],
}
