"""Speed as ratios within one run, so that a slow or busy machine does not change what they say.

What is compared takes turns: a short stretch of each, round after round. A ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap
from torch.utils.flop_counter import FlopCounterMode

from saw_edu.agents import AGENTS, Agent, agent_class
from saw_edu.data import HindsightSampler, Trajectories
from saw_edu.envs import MazeEnv, Playable, PointMaze, TinyPacking, navigate
from saw_edu.nn import MLP
from saw_edu.training import TrainingConfig
from saw_edu.training.fused import record
from saw_edu.training.run import Run

DIMS = (128, 128)
BATCH_SIZE = 256
SEEDS = 8
PACKING_WORLDS = 256

Meter = Callable[[float], float]  # measures for about so many seconds, returns calls a second


def meter(work: Callable[[], object], synchronize: Callable[[], object] | None = None, block: int = 1) -> Meter:
    """A meter of `work`, which is called once now, to warm up.

    On a GPU, give `synchronize`: it is called after every `block` calls, as work is only queued there.
    """
    work()

    def measure(seconds: float) -> float:
        calls, start = 0, time.perf_counter()
        while True:
            for _ in range(block):
                work()
            if synchronize is not None:
                synchronize()
            calls += block
            elapsed = time.perf_counter() - start
            if elapsed >= seconds:
                return calls / elapsed

    return measure


def interleaved(meters: Mapping[str, Meter], seconds: float, rounds: int = 5) -> dict[str, list[float]]:
    """Calls a second of each meter in each round. In a round every meter has its turn, of so many seconds."""
    rates: dict[str, list[float]] = {name: [] for name in meters}
    for _ in range(rounds):
        for name, measure in meters.items():
            rates[name].append(measure(seconds))
    return rates


def ratio(rates: Sequence[float], others: Sequence[float]) -> float:
    """Median over the rounds of one rate divided by the other of the same round."""
    return statistics.median(rate / other for rate, other in zip(rates, others, strict=True))


def sized_agent(name: str, hidden_dims: tuple[int, ...]) -> Agent:
    """The agent of that name, all of its networks with these hidden layers; latent vectors are as wide as the last."""
    cls: Any = agent_class(name)
    fields = {field.name for field in dataclasses.fields(cls)}
    sizes: dict[str, Any] = {field: hidden_dims for field in fields if field.endswith("hidden_dims")}
    if "latent_dim" in fields:
        sizes["latent_dim"] = hidden_dims[-1]
    return cls(**sizes)


def make_run(
    agent: Agent, data: Trajectories, config: TrainingConfig, seeds: int = 1, device: str | torch.device = "cpu"
) -> Run:
    """What `train` does the work with: one seed, or several side by side."""
    sampler = HindsightSampler(data.to(device), agent.goals, agent.discount, agent.subgoal_steps)
    return Run(agent, sampler.sample, config, data.spec(), list(range(seeds)), device=device, dtype=data.float_dtype)


def step(run: Run) -> None:
    """One update of every seed of the run, as `train` makes it."""
    run.update()
    run.step += 1


def flops_of_update(agent: Agent, data: Trajectories, batch_size: int) -> int:
    """Floating-point operations of the matrix products of one update, forward and backward (a + b c counts as two)."""
    run = make_run(agent, data, TrainingConfig(batch_size=batch_size))
    with FlopCounterMode(display=False) as counter:
        run.update()
    return counter.get_total_flops()


def matrix_product(
    batch_size: int,
    hidden: int,
    seeds: int = 1,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> tuple[Callable[[], object], int]:
    """The limit: one hidden layer's product, (batch, hidden) @ (hidden, hidden) for each seed; and its FLOPs a call.

    On a GPU a call is a recorded graph of 100 products, so that it is not the launching that is measured.
    """
    generator = torch.Generator().manual_seed(0)
    lead = () if seeds == 1 else (seeds,)
    left = torch.randn(*lead, batch_size, hidden, generator=generator).to(device, dtype)
    right = torch.randn(*lead, hidden, hidden, generator=generator).to(device, dtype)
    out = torch.empty_like(left)
    flops = 2 * seeds * batch_size * hidden * hidden

    def work() -> Any:
        return torch.matmul(left, right, out=out)

    if out.device.type != "cuda":
        return work, flops
    work()
    return record(lambda: [work() for _ in range(100)], []), 100 * flops  # type: ignore[arg-type,return-value]


@dataclasses.dataclass(frozen=True)
class AgentRow:
    """An agent's speed at one size."""

    agent: str
    updates: float  # a second, sampling included
    relative: float  # to the first agent's, in the same rounds
    sampling: float  # share of the time
    gflops: float  # GFLOP/s achieved
    limit: float  # share of a matrix product's GFLOP/s in the same rounds


def agents(data: Trajectories, seconds: float, rounds: int = 5) -> list[AgentRow]:
    """All agents at 2x128 and batch 256, all taking turns with each other and with a matrix product."""
    config = TrainingConfig(batch_size=BATCH_SIZE)
    cases = {name: sized_agent(name, DIMS) for name in AGENTS}
    product, product_flops = matrix_product(BATCH_SIZE, DIMS[-1])
    meters = {"product": meter(product)}
    for name, agent in cases.items():
        run = make_run(agent, data, config)
        meters[name] = meter(lambda run=run: step(run))  # type: ignore[misc]
        meters[f"{name} sampling"] = meter(run.draw)
    rates = interleaved(meters, seconds, rounds)
    rows = []
    for name, agent in cases.items():
        flops = flops_of_update(agent, data, BATCH_SIZE)
        updates = statistics.median(rates[name])
        rows.append(
            AgentRow(
                agent=type(agent).__name__,
                updates=updates,
                relative=ratio(rates[name], rates[next(iter(cases))]),
                sampling=ratio(rates[name], rates[f"{name} sampling"]),
                gflops=updates * flops / 1e9,
                limit=ratio(rates[name], rates["product"]) * flops / product_flops,
            )
        )
    return rows


def seeds_of_training(data: Trajectories, seconds: float, rounds: int = 5) -> float:
    """How many times as fast SAW trains 8 seeds side by side (vmap) as one after another, at 2x128 and batch 256."""
    agent, config = sized_agent("saw", DIMS), TrainingConfig(batch_size=BATCH_SIZE)
    together = make_run(agent, data, config, SEEDS)
    single = make_run(agent, data, config)
    rates = interleaved(
        {"together": meter(lambda: step(together)), "single": meter(lambda: step(single))}, seconds, rounds
    )
    return SEEDS * ratio(rates["together"], rates["single"])


def seeds_of_layers(seconds: float, rounds: int = 5) -> tuple[float, float]:
    """Forward and backward of 8 value nets (2x128, LayerNorm, batch 256 each): vmap, and layers batched by hand.

    Returns:
        How many times as fast as one net after another each of them is.
    """
    generator = torch.Generator().manual_seed(0)
    sizes = {"inputs": 64, "sizes": [*DIMS, 1], "layer_norm": True}
    nets = [MLP(**sizes, generator=generator) for _ in range(SEEDS)]  # type: ignore[arg-type]
    batched = MLP(**sizes, generator=generator, ensemble=SEEDS)  # type: ignore[arg-type]
    batched.ensemble = None  # not one input for all: every net has its own
    inputs = torch.randn(SEEDS, BATCH_SIZE, 64, generator=generator)
    parameters, _ = stack_module_state(nets)  # type: ignore[arg-type]

    def one(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        result: Tensor = functional_call(nets[0], parameters, (x,))
        return result

    side_by_side = vmap(one)
    cases: dict[str, Callable[[], list[Tensor]]] = {
        "loop": lambda: [net(x) for net, x in zip(nets, inputs, strict=True)],
        "vmap": lambda: [side_by_side(parameters, inputs)],
        "batched": lambda: [batched(inputs)],
    }

    def forward_and_backward(case: Callable[[], list[Tensor]]) -> None:
        for outputs in case():
            outputs.sum().backward()

    meters = {name: meter(lambda case=case: forward_and_backward(case)) for name, case in cases.items()}  # type: ignore[misc]
    rates = interleaved(meters, seconds, rounds)
    return ratio(rates["vmap"], rates["loop"]), ratio(rates["batched"], rates["loop"])


def worlds(world: Playable, seconds: float, num: int, rounds: int = 5, observe: bool = False) -> tuple[float, ...]:
    """Steps/s of `num` worlds at once and of one gymnasium environment in a Python loop, and their ratio.

    Args:
        world: which.
        seconds: of each turn.
        num: how many at once.
        rounds: of turns.
        observe: whether the batched worlds are observed after each step, as the single one is.
    """
    generator = torch.Generator().manual_seed(0)
    states = world.sample_states(num, generator)
    actions = world.sample_actions(num, generator)
    env = MazeEnv(world)

    def step_all() -> None:
        nonlocal states
        states = world.step(states, actions, generator)
        if observe:
            world.observe(states)

    env.reset(seed=0)
    env.action_space.seed(0)

    def one_step() -> None:
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            env.reset()

    meters = {"batched": meter(step_all), "single": meter(one_step)}
    rates = interleaved(meters, seconds, rounds)
    batched, single = num * statistics.median(rates["batched"]), statistics.median(rates["single"])
    return batched, single, num * ratio(rates["batched"], rates["single"])


def main(quick: bool = False) -> None:
    """Print the ratios."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _report(*((0.01, 2, 20, 1024) if quick else (0.4, 7, 500, 4096)))
    finally:
        torch.set_num_threads(threads)


def _report(seconds: float, rounds: int, episodes: int, num_worlds: int) -> None:
    world = PointMaze("giant", step_size=1.0, features="fourier")
    data = navigate(world, episodes, 300, 0.5, torch.Generator().manual_seed(0))
    print(f"one torch thread, nets 2x{DIMS[0]}, batch {BATCH_SIZE}, {len(data.start_rows)} transitions\n")
    print(f"{'agent':8}{'updates/s':>12}{'GCBC = 1':>12}{'sampling':>12}{'GFLOP/s':>12}{'of a product':>14}")
    for row in agents(data, seconds, rounds):
        print(
            f"{row.agent:8}{row.updates:12.0f}{row.relative:12.2f}{row.sampling:12.1%}{row.gflops:12.1f}{row.limit:14.1%}"
        )
    print(
        f"GFLOP/s: of an update's matrix products, over its whole time; the last column is their share of what\n"
        f"({BATCH_SIZE}, {DIMS[0]}) @ ({DIMS[0]}, {DIMS[0]}) reaches in the same rounds\n"
    )
    by_vmap, by_hand = seeds_of_layers(seconds, rounds)
    print(f"{SEEDS} seeds, one after another = 1")
    print(f"{'SAW, vmap':24}{seeds_of_training(data, seconds, rounds):8.2f}")
    print(f"{'value nets, vmap':24}{by_vmap:8.2f}")
    print(f"{'value nets, by hand':24}{by_hand:8.2f}")
    batched, single, speedup = worlds(world, seconds, num_worlds, rounds)
    print(f"\npoint maze, {num_worlds} worlds at once: {batched / 1e6:.2f} M steps/s")
    print(f"one gymnasium environment in a loop: {single / 1e3:.2f} k steps/s")
    print(f"ratio: {speedup:.0f} to 1")
    batched, single, speedup = worlds(TinyPacking(), seconds, PACKING_WORLDS, rounds, observe=True)
    print(f"\nTinyPacking, {PACKING_WORLDS} worlds at once, with observations: {batched / 1e6:.2f} M steps/s")
    print(f"one gymnasium environment in a loop: {single / 1e3:.2f} k steps/s")
    print(f"ratio: {speedup:.0f} to 1")
