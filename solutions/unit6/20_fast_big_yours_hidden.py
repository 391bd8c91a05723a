"""Hidden tests and mutants of chapter 20."""

import torch

from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch20 import checks as ch20

update_flops = Check(
    "update_flops",
    [
        Case("the paper's size", [58, 512, 512, 512, 8], 1024, expect=ch20._flops([58, 512, 512, 512, 8], 1024)),
        Case("no hidden layer", [7, 5], 10, expect=2100),
    ],
    mistakes=ch20.update_flops.mistakes,
)

floor_seconds = Check(
    "floor_seconds",
    [Case("operations", 3e12, 2e9, 1e12, 1e12), Case("bytes", 5e9, 8e10, 1e12, 2e10)],
    reference=ch20.floor_seconds.reference,
    mistakes=ch20.floor_seconds.mistakes,
)

side_by_side = Check(
    "side_by_side",
    [Case("eight seeds", *ch20._inputs(8, 16, 6, 3, 2)), Case("one seed", *ch20._inputs(1, 4, 3, 2, 3))],
    reference=ch20.side_by_side.reference,
)

_HOURS = [round(float(x), 2) for x in torch.rand(17, generator=torch.Generator().manual_seed(0)) * 9 + 1]
makespan = Check(
    "makespan",
    [
        Case("seventeen jobs, four machines", _HOURS, 4, expect=ch20._makespan(_HOURS, 4)),
        Case("one machine", [1.5, 2.5], 1, expect=4.0),
    ],
    mistakes=ch20.makespan.mistakes,
)

seeds_needed = Check(
    "seeds_needed",
    [
        Case("3 points, deviation 5", 0.03, 0.05, expect=ch20._needed(0.03, 0.05)),
        Case("a difference that two seeds show", 0.5, 0.02, expect=2),
    ],
    mistakes=ch20.seeds_needed.mistakes,
)

MUTANTS = {
    "update-flops": [
        Mutant("forward only", replace=("3 * forward", "forward")),
        Mutant("multiplications only", replace=("2 * batch", "batch")),
    ],
    "floor-seconds": [Mutant("the shorter", replace=("max(", "min("))],
    "side-by-side": [
        Mutant("biases by rows", replace=("biases[:, None]", "biases")),
        Mutant("no biases", replace=(" + biases[:, None]", "")),
    ],
    "makespan": [Mutant("the longest job", replace=("return max(free)", "return max(hours)"))],
    "seeds-needed": [
        Mutant("one side", replace=("0.975", "0.95")),
        Mutant("no root", replace=("math.sqrt(n)", "n")),
    ],
}
ALTERNATIVES = {
    "update-flops": [
        """
def update_flops(sizes, batch):
    weights = 0
    for i in range(len(sizes) - 1):
        weights += sizes[i] * sizes[i + 1]
    return 6 * batch * weights
"""
    ],
    "floor-seconds": [
        """
def floor_seconds(flops, moved, flops_per_s, bytes_per_s):
    compute = flops / flops_per_s
    memory = moved / bytes_per_s
    return compute if compute > memory else memory
"""
    ],
    "side-by-side": [
        """
def side_by_side(inputs, weights, biases):
    return torch.stack([x @ w + b for x, w, b in zip(inputs, weights, biases)])
"""
    ],
    "makespan": [
        """
def makespan(hours, workers):
    import heapq

    free = [0.0] * workers
    for length in hours:
        heapq.heappush(free, heapq.heappop(free) + length)
    return max(free)
"""
    ],
    "seeds-needed": [
        """
def seeds_needed(difference, deviation):
    for n in range(2, 10_000):
        low, high = stats.t.interval(0.95, n - 1, scale=deviation / n**0.5)
        if (high - low) / 2 <= difference:
            return n
"""
    ],
}
