"""Compare an agent with the reference implementation, number by number.

A *golden file* holds one small case computed by the authors' JAX code in float64: a configuration, parameters, a batch,
and what the reference makes of them: the loss and its parts, the gradient, the parameters after one and five updates,
the policy's actions. Here the library's agent computes the same from the same start.
"""

from __future__ import annotations

import dataclasses
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from saw_edu.agents import GCWAE, Agent, Policy
from saw_edu.data import Batch, Spec
from saw_edu.nn import Networks
from saw_edu.reference.vocabulary import BATCH, METRICS, GoldenFileError, agent_from_config, parameter_name
from saw_edu.training import Learner, TrainingConfig

TOLERANCES = {"loss": 1e-9, "gradient": 1e-10, "after1": 1e-9, "after5": 1e-9, "actions": 1e-9}


@dataclass(frozen=True)
class Errors:
    """The worst error of each kind: relative for loss and gradient, absolute for parameters and actions."""

    loss: float
    gradient: float
    after1: float
    after5: float
    actions: float | None  # None where the reference has none: its gcwae cannot act

    def within(self, scale: float = 1.0) -> bool:
        """Whether each is within `scale` times its tolerance."""
        errors = dataclasses.asdict(self)
        return all(error is None or error <= TOLERANCES[kind] * scale for kind, error in errors.items())


@dataclass(frozen=True)
class Golden:
    """A golden file, read and checked: everything in float64."""

    name: str
    agent: Agent
    spec: Spec
    config: TrainingConfig
    arrays: dict[str, np.ndarray]
    goal_key: str


def read_arrays(path: str | Path) -> dict[str, Any]:
    """All arrays of a golden file. Raises GoldenFileError where it cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except FileNotFoundError:
        raise GoldenFileError(f"no such file: {path}") from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        OSError,
        EOFError,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:
        raise GoldenFileError(f"{path} cannot be read as a golden .npz file: {error}") from None


def load_golden(path: str | Path) -> Golden:
    """Read a golden file and build the agent that its configuration describes.

    Raises:
        GoldenFileError: not a golden file, or one that asks for something the library does not have.
    """
    path = Path(path)
    arrays = read_arrays(path)
    try:
        config, meta = json.loads(str(arrays["config"])), json.loads(str(arrays["meta"]))
        spec = Spec(meta["obs_dim"], meta["action_dim"], bool(config.get("discrete", False)))
        goal_key = meta["goal_key"]
    except KeyError as error:
        raise GoldenFileError(f"{path} is not a golden file: it has no {error}") from None
    except json.JSONDecodeError as error:
        raise GoldenFileError(f"{path} is not a golden file: its configuration is not JSON ({error})") from None
    kinds = {key.split("/")[0] for key in arrays}
    lacking = {"params", "batch", "loss", "grad", "after1", "after5"} - kinds
    if lacking:
        raise GoldenFileError(f"{path} is not a golden file: it has no {', '.join(sorted(lacking))} entries")
    try:
        agent = agent_from_config(config)
        training = TrainingConfig(learning_rate=config.get("lr", 3e-4), tau=config.get("tau", 0.005))
    except (GoldenFileError, ValueError, TypeError) as error:
        raise GoldenFileError(f"{path}: {error}") from None
    if agent.noise_size(spec) > 0 and "batch/noise" not in arrays:
        raise GoldenFileError(f"{path}: this agent's loss draws normal numbers, which the file lacks (batch/noise)")
    return Golden(path.stem, agent, spec, training, arrays, goal_key)


def compare(golden: Golden) -> Errors:
    """The library's worst errors against the reference on one golden case."""
    learner = Learner(golden.agent, _networks(golden), golden.config)
    _load(golden, learner, "params")
    batch = _batch(golden)
    goals = torch.as_tensor(golden.arrays[f"batch/{golden.goal_key}"])
    actions = None
    if "policy/actions_t0" in golden.arrays:
        ours = Policy(golden.agent, learner.networks)(batch.observations, goals).numpy()
        actions = _largest(ours - golden.arrays["policy/actions_t0"])

    loss, metrics = learner.loss(batch)
    loss_error = _loss_error(golden, loss, metrics)
    loss.backward()
    gradient_error = max(
        _relative(_gradient(parameter), reference) for _, parameter, reference in _pairs(golden, learner, "grad")
    )
    learner.optimizer.zero_grad()
    after = {}
    for step in range(1, 6):
        learner.update(batch)
        if step in (1, 5):
            pairs = _pairs(golden, learner, f"after{step}")
            after[step] = max(_largest(parameter.detach().numpy() - reference) for _, parameter, reference in pairs)
    return Errors(loss_error, gradient_error, after[1], after[5], actions)


def by_network(golden: Golden, **replaced: Callable[..., Any]) -> dict[str, float]:
    """Relative errors of the loss and of each network's gradient, with some of the agent's methods replaced.

    For lessons: `by_network(load_golden(path), flat_policy_loss=mine)` tells where one's own loss differs. What
    replaces a method takes the agent as its first argument, as the method does. Errors are at most 1e6.
    """
    agent = type("Replaced", (type(golden.agent),), replaced)(**vars(golden.agent))
    golden = dataclasses.replace(golden, agent=agent)
    learner = Learner(agent, _networks(golden), golden.config)
    _load(golden, learner, "params")
    loss, _ = learner.loss(_batch(golden))
    loss.backward()
    total = golden.arrays["loss/total"]
    errors = {"loss": min(_relative(loss.detach().numpy(), total), 1e6)}
    for name, parameter, reference in _pairs(golden, learner, "grad"):
        key = f"gradient of {name.split('.')[0]}"
        if not key.startswith("gradient of target"):
            errors[key] = min(max(errors.get(key, 0.0), _relative(_gradient(parameter), reference)), 1e6)
    return errors


def run(paths: Iterable[str | Path]) -> list[tuple[str, Errors]]:
    """Compare every file, all of them read before the first is compared."""
    goldens = [load_golden(path) for path in paths]
    return [(golden.name, compare(golden)) for golden in goldens]


def table(results: list[tuple[str, Errors]]) -> str:
    """The results as aligned text, with the tolerances in the last line."""
    columns = list(TOLERANCES)
    lines = [f"{'case':24}" + "".join(f"{column:>12}" for column in columns) + "  verdict"]
    for name, errors in results:
        found = [getattr(errors, column) for column in columns]
        numbers = "".join(f"{'none':>12}" if error is None else f"{error:12.1e}" for error in found)
        lines.append(f"{name:24}{numbers}  {'agrees' if errors.within() else 'DIFFERS'}")
    lines.append(f"{'tolerance':24}" + "".join(f"{TOLERANCES[column]:12.1e}" for column in columns))
    return "\n".join(lines)


def _networks(golden: Golden) -> Networks:
    return golden.agent.networks(golden.spec, torch.Generator().manual_seed(0)).double()


def _batch(golden: Golden) -> Batch:
    """The file's batch under our names; entries that the agent does not read may be missing."""
    given = {
        BATCH.get(key.removeprefix("batch/"), key.removeprefix("batch/")): torch.as_tensor(array)
        for key, array in golden.arrays.items()
        if key.startswith("batch/")
    }
    unknown = set(given) - set(Batch._fields)
    if unknown:
        raise GoldenFileError(f"{golden.name}: unknown batch entries {sorted(unknown)}")
    if "actions" in given and not given["actions"].is_floating_point():
        given["actions"] = given["actions"].long()
    return Batch(**{field: given.get(field) for field in Batch._fields})  # type: ignore[arg-type]


def _pairs(golden: Golden, learner: Learner, kind: str) -> list[tuple[str, Tensor, np.ndarray]]:
    """Our parameters, by name, beside the reference's arrays of that kind; each of ours exactly once."""
    ours = dict(learner.networks.named_parameters())
    ours |= {f"target_{name}": parameter for name, parameter in learner.target.named_parameters()}
    pairs: list[tuple[str, Tensor, np.ndarray]] = []
    for key, array in golden.arrays.items():
        if key.startswith(f"{kind}/"):
            module, rest = parameter_name(key.removeprefix(f"{kind}/"))
            parameter = ours.pop(f"{module}.{rest}", None)
            if parameter is None:
                raise GoldenFileError(f"{golden.name}: {type(golden.agent).__name__} has no parameter for {key}")
            if tuple(parameter.shape) != array.shape:
                raise GoldenFileError(f"{golden.name}: {key} is {array.shape}, ours {tuple(parameter.shape)}")
            pairs.append((f"{module}.{rest}", parameter, array))
    if ours:
        raise GoldenFileError(f"{golden.name}: the file lacks {kind} of {', '.join(sorted(ours))}")
    return pairs


@torch.no_grad()
def _load(golden: Golden, learner: Learner, kind: str) -> None:
    for _, parameter, array in _pairs(golden, learner, kind):
        parameter.copy_(torch.as_tensor(array))


def _gradient(parameter: Tensor) -> np.ndarray:
    return np.zeros(parameter.shape) if parameter.grad is None else parameter.grad.numpy()


def _loss_error(golden: Golden, loss: Tensor, metrics: dict[str, Tensor]) -> float:
    """The worst relative error over the total and every part that the reference reports."""
    ours = {"total": float(loss.detach())} | {name: float(value) for name, value in metrics.items()}
    worst = 0.0
    for key, array in golden.arrays.items():
        if key.startswith("loss/"):
            name = key.removeprefix("loss/")
            if isinstance(golden.agent, GCWAE):  # whose flat policy the reference logs as a low level
                name = name.replace("low_actor/", "actor/")
            for pattern, our_name in METRICS:
                name = re.sub(pattern, our_name, name)
            if name not in ours:
                raise GoldenFileError(f"{golden.name}: {type(golden.agent).__name__} does not report {name}")
            worst = max(worst, _relative(np.asarray(ours[name]), array))
    return worst


def _relative(ours: np.ndarray, reference: np.ndarray) -> float:
    """Size of the difference by the size of the reference; the plain size where the reference is zero."""
    size = float(np.linalg.norm(reference))
    difference = float(np.linalg.norm(ours - reference))
    return _nan_is_infinite(difference / size if size > 0 else difference)


def _largest(difference: np.ndarray) -> float:
    return _nan_is_infinite(float(np.abs(difference).max()))


def _nan_is_infinite(error: float) -> float:
    return float("inf") if np.isnan(error) else error
