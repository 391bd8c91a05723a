"""Hidden tests, mutants and other right answers of chapter 1."""

import random

import torch

from saw_edu.checks import Case, Check, within
from saw_edu.classroom import Mutant
from saw_edu.envs import Maze

# --- Exercise 1 ---

_maze = Maze.named("four-rooms")
_neighbours = [[int(n) for n in row if n >= 0] for row in _maze.neighbours]
_random = random.Random(7)
_graph = {node: [_random.randrange(60) for _ in range(2)] for node in range(60)}
_items = {5: 1, 9: 2, 17: 4}


def _with_items(state):
    return [(cell, state[1] | _items.get(cell, 0)) for cell in _neighbours[state[0]]]


def _count(start, successors, horizon):
    distance, queue = {start: 0}, [start]
    for state in queue:
        for after in successors(state):
            if after not in distance:
                distance[after] = distance[state] + 1
                queue.append(after)
    return [sum(d <= t for d in distance.values()) for t in range(horizon + 1)]


count_reachable = Check(
    "count_reachable",
    [
        Case("a maze", 0, _neighbours.__getitem__, 12),
        Case("a one-way graph", 0, _graph.__getitem__, 12),
        Case("a maze with three items", (0, 0), _with_items, 12),
        Case("a dead end", "end", lambda state: [], 3, expect=[1, 1, 1, 1]),
    ],
    reference=_count,
)

# --- Exercise 2 ---

required_reliability = Check(
    "required_reliability",
    [
        Case("nearly certain", 0.99, 20, 1, expect=0.9994976, rtol=1e-6),
        Case("two tries", 0.9, 7, 2),
        Case("many tries", 0.6, 3, 10),
        Case("certain", 1.0, 5, 1, expect=1.0),
    ],
    reference=lambda target, subtasks, tries=1: 1 - (1 - target ** (1 / subtasks)) ** (1 / tries),
)

# --- Exercise 3 ---


def _fit(subtasks, successes, episodes):
    grid = torch.arange(1, 1000, dtype=torch.float64) / 1000
    score = torch.zeros_like(grid)
    for k, won, all_ in zip(subtasks.tolist(), successes.tolist(), episodes.tolist(), strict=True):
        score += won * k * grid.log() + (all_ - won) * (1 - grid**k).log()
    return float(grid[score.argmax()])


fit_p = Check(
    "fit_p",
    [
        Case(
            "many lengths",
            torch.tensor([1, 2, 4, 8, 16]),
            torch.tensor([810, 640, 400, 170, 30]),
            torch.tensor([1000, 1000, 1000, 1000, 1000]),
            atol=2e-3,
        ),
        Case("one long chain", torch.tensor([20]), torch.tensor([30]), torch.tensor([200]), atol=2e-3),
        Case("all succeed", torch.tensor([1, 5]), torch.tensor([9, 9]), torch.tensor([9, 9]), expect=within(0.99, 1.0)),
        Case(
            "none succeeds", torch.tensor([1, 5]), torch.tensor([0, 0]), torch.tensor([9, 9]), expect=within(0.0, 0.01)
        ),
    ],
    reference=_fit,
)

# --- Exercise 4 ---


def _walks():
    """Random walks on a small torus, some with a bias and some frozen at the end, with distances to (0, 0)."""
    generator = torch.Generator().manual_seed(11)
    for number in range(24):
        length = 45 + number  # odd and even ones
        moves = torch.randint(-1, 2, (length, 2), generator=generator)
        if number % 3 == 0:
            moves[-25:] = 0
        if number % 4 == 1:
            moves = moves - (torch.rand(length, 2, generator=generator) < 0.2).long()
        cells = torch.cumsum(moves, 0) + 14
        yield cells, cells.abs().sum(1).float() + 1 - (number % 5 == 2) * cells.abs().sum(1).float().min()


def _verdict(cells, distances, window=20, few=3):
    if min(distances.tolist()) == 0:
        return "success"
    if len(set(map(tuple, cells.tolist()[-window:]))) <= few:
        return "stuck"
    half = len(distances) // 2
    return "slow" if min(distances.tolist()[half:]) < min(distances.tolist()[:half]) else "wandering"


_odd = torch.tensor([9.0] * 10 + [4.0] + [9.0] * 10)  # the middle row belongs to the second half
_line = torch.stack([torch.arange(21), torch.zeros(21, dtype=torch.long)], 1)

classify_trace = Check(
    "classify_trace",
    [
        Case(f"trace {number}", cells, distances, expect=_verdict(cells, distances))
        for number, (cells, distances) in enumerate(_walks())
    ]
    + [
        Case("a trace with an odd number of rows", _line, _odd, 5, 2, expect="slow"),
        Case("few = 1 and moving between two cells", _line % 2, _odd, 10, 1, expect="slow"),
    ],
)

MUTANTS = {
    "count-reachable": [
        Mutant("off by one", replace=("range(horizon)", "range(horizon - 1)")),
        Mutant(
            "stops early",
            replace=("        counts.append", "        if not frontier:\n            break\n        counts.append"),
        ),
        Mutant("forgets the start", replace=("seen, frontier, counts = {start},", "seen, frontier, counts = set(),")),
        Mutant(
            "frontier without a set",
            replace=(
                "{after for state in frontier for after in successors(state)} - seen\n        seen |= frontier",
                "[after for state in frontier for after in successors(state) if after not in seen]"
                "\n        seen |= set(frontier)",
            ),
        ),
        Mutant(
            "counts a new state twice",
            source="""
def count_reachable(start, successors, horizon):
    seen, frontier, counts = [start], [start], [1]
    for _ in range(horizon):
        new = []
        for state in frontier:
            for after in successors(state):
                if after not in seen:
                    new.append(after)
        seen += new
        frontier = new
        counts.append(len(seen))
    return counts
""",
        ),
        Mutant("no return", replace=("return counts", "counts")),
    ],
    "fit-p": [
        Mutant("ignores failures", replace=(" + (episodes - successes) * (1 - chain).log()", "")),
        Mutant(
            "line through logs",
            source="""
def fit_p(subtasks, successes, episodes):
    rates = (successes / episodes).clamp(min=1e-6).log()
    return float(((subtasks * rates).sum() / (subtasks**2).sum()).exp())
""",
        ),
        Mutant("index for value", replace=("float(p[score.sum(1).argmax(), 0])", "float(score.sum(1).argmax())")),
    ],
}

ALTERNATIVES = {
    "count-reachable": [
        """
from collections import deque

def count_reachable(start, successors, horizon):
    when, queue = {start: 0}, deque([start])
    while queue:
        state = queue.popleft()
        if when[state] < horizon:
            for after in successors(state):
                if after not in when:
                    when[after] = when[state] + 1
                    queue.append(after)
    counts = [0] * (horizon + 1)
    for time in when.values():
        counts[time] += 1
    for t in range(horizon):
        counts[t + 1] += counts[t]
    return counts
""",
        """
def count_reachable(start, successors, horizon):
    seen, counts = {start}, [1]
    while len(counts) <= horizon:
        for state in list(seen):
            seen.update(successors(state))
        counts.append(len(seen))
    return counts
""",
    ],
    "required-reliability": [
        """
import math

def required_reliability(target, subtasks, tries=1):
    log_each = math.log(target) / subtasks
    chance_all_tries_fail = -math.expm1(log_each)
    return 1 - chance_all_tries_fail ** (1 / tries)
""",
        """
def required_reliability(target, subtasks, tries=1):
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if (1 - (1 - middle) ** tries) ** subtasks < target:
            low = middle
        else:
            high = middle
    return high
""",
    ],
    "fit-p": [
        """
import numpy as np
from scipy.optimize import minimize_scalar

def fit_p(subtasks, successes, episodes):
    k, won, lost = (np.asarray(x, dtype=float) for x in (subtasks, successes, episodes - successes))
    def loss(p):
        return -(won * k * np.log(p) + lost * np.log1p(-(p**k))).sum()
    return minimize_scalar(loss, bounds=(0.001, 0.999), method="bounded").x
""",
    ],
    "classify-trace": [
        """
def classify_trace(cells, distances, window=20, few=3):
    left = distances.tolist()
    if 0.0 in left:
        return "success"
    different = {(int(row), int(column)) for row, column in cells[len(cells) - window:]}
    if len(different) <= few:
        return "stuck"
    middle = len(left) // 2
    if min(left[middle:]) < min(left[:middle]):
        return "slow"
    return "wandering"
""",
    ],
}
