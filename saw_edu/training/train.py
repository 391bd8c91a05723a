"""`train`: any agent, any data set, several seeds; a progress bar, checkpoints, exact resume."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import pandas as pd
import torch
from tqdm.auto import tqdm

from saw_edu.agents.agent import Agent, Policy
from saw_edu.data import HindsightSampler, Spec, Trajectories
from saw_edu.nn import Networks
from saw_edu.place import did_you_mean, whole_file
from saw_edu.training.digest import digest_of
from saw_edu.training.fused import set_matmul_precision
from saw_edu.training.identity import Identity, fingerprint
from saw_edu.training.learner import Parts, TrainingConfig
from saw_edu.training.result import TrainingResult
from saw_edu.training.run import Draw, Run, Watch
from saw_edu.training.seeds import check_seeds, groups_of

Trained = Literal["all", "value"]


def train(
    agent: Agent,
    trajectories: Trajectories | None,
    config: TrainingConfig | None = None,
    seeds: int | Iterable[int] = 1,
    *,
    spec: Spec | None = None,
    parts: Trained = "all",
    value_from: TrainingResult | None = None,
    checkpoints: str | Path | None = None,
    metrics: str | Path | None = None,
    device: str | torch.device = "cpu",
    together: bool | None = None,
    sampler: type[HindsightSampler] = HindsightSampler,
    draw: Draw | None = None,
    evaluate: Callable[[Policy], Mapping[str, float]] | None = None,
    evaluate_every: int = 1_000,
    say: Callable[[str], object] | None = None,
    progress: bool = True,
) -> TrainingResult:
    """Train an agent on a data set, once for each seed.

    Args:
        agent: an agent with its hyperparameters.
        trajectories: the data; moved to `device`. None where `draw` gives the batches and `spec` the sizes.
        config: steps, batch size, learning rate, ...
        seeds: how many (0, 1, ...), or which. A seed decides the initial networks and every batch.
        spec: sizes for the networks, if the data does not show them (discrete actions that never occur).
        parts: "value" learns the agent's value alone, its policy stays as it began.
        value_from: take value (and representation) from this result, seed by seed, fixed, and learn the policy only.
            It may have more seeds than are trained.
        checkpoints: a folder. Each seed saves there and continues from there when it is called again with the same
            agent, data and configuration; on the CPU, with the same number of torch threads, to the same bits as if it
            had never stopped. With more `steps` a finished run goes on, unless its learning rate decays; with more
            seeds only the new ones are trained. Seeds that began side by side go on together, whichever are asked for.
        metrics: a CSV file that is kept up to date while training runs.
        device: where to train. The data set is moved there, batches are drawn there, and on a GPU a whole step is
            recorded once as a CUDA graph and then replayed.
        together: all seeds side by side in one set of operations, instead of one seed after the other. Each seed draws
            the same batches and learns the same, up to rounding; a GPU is filled by several seeds, a CPU by one. None:
            as the checkpoints there were made, else on a GPU only. Seeds that have begun go on as they began.
        sampler: what draws the batches; a subclass may, for one, choose other waypoints.
        draw: draws the batches instead: (batch size, generator) -> a NamedTuple of tensors with a leading batch axis,
            of whatever fields the agent's loss reads. Where a loss needs noise, training fills in the field `noise`.
        evaluate: called with the policy of a seed, gives numbers that join the metrics as `evaluation/...`.
        evaluate_every: steps between evaluations.
        say: takes a line now and then, for logs where no bar is seen.
        progress: show a bar with loss and speed.

    Returns:
        The networks and the metrics of every seed. After Ctrl-C: what was trained so far, with `interrupted` set.

    Raises:
        TrainingDivergedError: a loss became NaN or infinite.
        TypeError: `sampler` is not a class of samplers, or `draw` gives no NamedTuple of tensors.
        ValueError: arguments that do not go together, checkpoints of another run in the folder, a `value_from` that
            does not fit, or batches without a field that training fills in.
    """
    config = config or TrainingConfig()
    seeds = check_seeds(seeds)
    if not (isinstance(sampler, type) and issubclass(sampler, HindsightSampler)):
        raise TypeError(f"sampler must be HindsightSampler or a subclass of it, the class itself, got {sampler!r}")
    if parts not in get_args(Trained):
        raise ValueError(f"parts must be 'all' or 'value', got {parts!r}{did_you_mean(str(parts), get_args(Trained))}")
    if evaluate_every < 1:
        raise ValueError(f"evaluate_every must be at least 1 step, got {evaluate_every}: leave `evaluate` out for none")
    if trajectories is None and (draw is None or spec is None):
        raise ValueError("without trajectories, `draw` must give the batches and `spec` the sizes: give both")
    if parts == "value" and (value_from is not None or not agent.value_networks):
        raise ValueError('parts="value" needs an agent with a value, and no value_from')
    if spec is None:
        assert trajectories is not None
        spec = trajectories.spec()
    if trajectories is not None:
        _check_actions(trajectories, spec)
    if config.augmentation > 0 and spec.image is None:
        raise ValueError("augmentation crops images, and these observations are vectors: set it to 0")
    set_matmul_precision(config, device)
    dtype = torch.get_default_dtype() if trajectories is None else trajectories.float_dtype
    if draw is None:
        assert trajectories is not None
        drawn: Draw = sampler(trajectories.to(device), agent.goals, agent.discount, agent.subgoal_steps).sample
    else:
        drawn = draw
    folder = None if checkpoints is None else Path(checkpoints)
    groups = groups_of(seeds, folder, together, torch.device(device).type == "cuda")
    if value_from is not None:
        _check_value_from(agent, value_from, [seed for group in groups for seed in group])
    learned: Parts = parts if value_from is None else "policy"
    identity = {} if folder is None else _identity(agent, config, spec, trajectories, sampler, draw, learned)
    result = TrainingResult(agent, spec)
    rows: list[dict[str, float]] = []

    def write_metrics(latest: list[dict[str, float]]) -> None:
        if metrics is not None:
            with whole_file(metrics) as file:
                pd.DataFrame(rows + latest).to_csv(file, index=False)

    objective = None
    total = config.steps * sum(map(len, groups))
    with tqdm(total=total, disable=not progress, unit=" updates", mininterval=0.5) as bar:
        watch = Watch(bar, evaluate, evaluate_every, say, write_metrics)
        for members in groups:

            def prepare(position: int, networks: Networks, members: list[int] = members) -> None:
                if value_from is not None:
                    _copy_value(agent, value_from.networks[value_from.seeds.index(members[position])], networks)

            run = Run(agent, drawn, config, spec, members, learned, prepare, device, dtype, objective)
            objective = run.objective  # compiled once for all seeds
            path = None if folder is None else folder / f"seed_{run.name}.pt"
            if folder is not None and value_from is not None:
                identity = identity | _identity_of_value(agent, value_from.only(members).networks)
            if path is not None and path.exists():
                run.restore(path, identity)
            bar.update(run.step * len(members))
            bar.set_description(f"{type(agent).__name__} seed {', '.join(map(str, members))}")
            try:
                run.advance(watch, path, identity)
            except KeyboardInterrupt:
                result.interrupted = True
            result.seeds += members
            result.networks += [networks.requires_grad_(False) for networks in run.learner.members()]
            rows += sorted(run.rows, key=lambda row: (row["seed"], row["step"]))
            if result.interrupted:
                where = f"step {run.step} of {config.steps} of seed {', '.join(map(str, members))}"
                tqdm.write(f"stopped at {where}; what was trained is kept")
                break
    write_metrics([])
    result.metrics = pd.DataFrame(rows)
    asked = [seed for seed in seeds if seed in result.seeds]
    return result if result.seeds == asked else result.only(asked)


def _identity(
    agent: Agent,
    config: TrainingConfig,
    spec: Spec,
    data: Trajectories | None,
    sampler: type[HindsightSampler],
    draw: Draw | None,
    parts: Parts,
) -> Identity:
    tensors: list[torch.Tensor | None] = []
    if data is not None:
        tensors = [data.observations, data.actions, data.episode_ends, data.next_observations]
    sizes = spec, None if data is None else data.frame_stack
    return fingerprint(config, tensors, [agent, draw or sampler], agent=agent, sizes=sizes, parts=parts)


def _check_actions(data: Trajectories, spec: Spec) -> None:
    data.check_actions()
    if data.discrete != spec.discrete:
        kinds = {True: "discrete", False: "continuous"}
        raise ValueError(f"the data's actions are {kinds[data.discrete]}, `spec` says {kinds[spec.discrete]}")
    if data.discrete and (largest := int(data.actions[data.start_rows].max())) >= spec.action_dim:
        raise ValueError(f"the data has action {largest}, `spec` knows 0 to {spec.action_dim - 1}: correct one of them")


def _identity_of_value(agent: Agent, networks: Sequence[Networks]) -> Identity:
    """What is added for values that are given: those of these seeds alone, so that more seeds may join."""
    states = [
        {name: p for name, p in each.state_dict().items() if name.split(".")[0] in agent.value_networks}
        for each in networks
    ]
    return {"value_from": digest_of(states)}


def _check_value_from(agent: Agent, value_from: TrainingResult, seeds: Sequence[int]) -> None:
    if not agent.value_networks:
        raise ValueError(f"{type(agent).__name__} has no value function, so value_from cannot be used with it")
    if lacking := set(value_from.untrained) & set(agent.value_networks):
        raise ValueError(f"value_from was loaded from a file without {', '.join(sorted(lacking))}: save it with those")
    if missing := sorted(set(seeds) - set(value_from.seeds)):
        raise ValueError(
            f"value_from has seeds {value_from.seeds}, and not {', '.join(map(str, missing))}: "
            "train the value of every seed, or give `seeds` that it has"
        )


def _copy_value(agent: Agent, source: Networks, networks: Networks) -> None:
    for name in agent.value_networks:
        module = getattr(networks, name, None)
        if module is None or not list(module.parameters()):
            continue
        if not hasattr(source, name):
            raise ValueError(f"value_from has no {name}: train it with an agent that has one, or use rep_dim=None")
        try:
            module.load_state_dict(getattr(source, name).state_dict())
        except RuntimeError as error:
            raise ValueError(f"value_from's {name} has other sizes than this agent's: {error}") from None
        module.requires_grad_(False)
