"""Worlds behind gymnasium's interfaces: one environment, or many as one vector environment.

Importing `saw_edu.envs` registers "saw_edu/GridMaze-v0", "saw_edu/PointMaze-v0", "saw_edu/TinyPacking-v0" and
"saw_edu/Objects-v0" for `gymnasium.make` and `gymnasium.make_vec`; keyword arguments are those of the world (layout,
step_size, slip, size, ...).
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from torch import Tensor

from saw_edu.envs.maze.grid import GridMaze
from saw_edu.envs.maze.point import PointMaze
from saw_edu.envs.objects import Objects
from saw_edu.envs.packing import TinyPacking
from saw_edu.envs.world import Playable

Observation = dict[str, NDArray[Any]]
IDS = ("saw_edu/GridMaze-v0", "saw_edu/PointMaze-v0", "saw_edu/TinyPacking-v0", "saw_edu/Objects-v0")


def _observation_space(world: Playable) -> Any:
    """Bounds hold for every state that a roll-out can meet: a maze's border is always wall."""
    low, high = (bound.numpy() for bound in world.observation_bounds)
    kind: Any = np.uint8 if world.spec.image is not None else np.float32
    box = spaces.Box(low.astype(kind), high.astype(kind), dtype=kind)
    return spaces.Dict({"observation": box, "goal": box})


def _action_space(world: Playable) -> spaces.Space[Any]:
    if world.spec.discrete:
        return spaces.Discrete(world.spec.action_dim)
    return spaces.Box(-1.0, 1.0, (world.spec.action_dim,), np.float32)


def _check_render_mode(render_mode: str | None) -> None:
    if render_mode not in (None, *MazeEnv.metadata["render_modes"]):
        raise ValueError(f"render_mode is None or 'rgb_array', got {render_mode!r}")


def _check_actions(world: Playable, actions: Tensor) -> Tensor:
    """Raises ValueError for a number that is no action; a tensor's own indexing would take -1 for the last."""
    if world.spec.discrete and (int(actions.min()) < 0 or int(actions.max()) >= world.spec.action_dim):
        raise ValueError(f"actions are numbers from 0 to {world.spec.action_dim - 1}, got {actions.tolist()}")
    return actions


def _draw(
    world: Playable, num: int, generator: torch.Generator, options: dict[str, Any] | None
) -> tuple[Tensor, Tensor]:
    """Starts and goals (num, 2): the states given, those of given task numbers, or of tasks drawn at random."""
    options = options or {}
    if "start" in options or "goal" in options:
        if not {"start", "goal"} <= options.keys():
            raise ValueError("options need both 'start' and 'goal' (states), or 'task_id', or neither")
        like = world.sample_states(1, generator)
        pair = [
            torch.as_tensor(options[key], dtype=like.dtype).expand(num, like.shape[1]).clone()
            for key in ("start", "goal")
        ]
        world.distances(*pair)  # raises for a state in a wall
        return pair[0], pair[1]
    starts, goals, numbers = world.task_states(num, generator)
    count = int(numbers[-1])
    if "task_id" in options:
        task = torch.as_tensor(options["task_id"]).expand(num)
        if int(task.min()) < 1 or int(task.max()) > count:
            raise ValueError(f"task_id must be between 1 and {count}, got {options['task_id']}")
    else:
        task = torch.randint(1, count + 1, (num,), generator=generator)
    rows = (task - 1) * num + torch.arange(num)  # every task has `num` jittered pairs; take the i-th for world i
    return starts[rows], goals[rows]


class MazeEnv(gymnasium.Env[Observation, Any]):
    """One maze, or another of our worlds, to a goal.

    - Observation: {"observation": features of the state, "goal": features of the goal state}, float32; with
      features="pixels" small pictures (height, width, 3), uint8.
    - Actions: those of the world: Discrete(5) in a grid maze, Discrete(7) in TinyPacking, Discrete(16) in Objects,
      Box(-1, 1, (2,)) in a point maze.
    - Reward: 1 when the goal is reached, else 0.
    - Termination: when the goal is reached. Truncation: after `world.max_steps` actions.
    - Reset options: {"task_id": 1, 2, ...}, or {"start": state, "goal": state}; otherwise a random task of the world.
    - Info: "success" (bool) and "distance" (shortest path to the goal, in cells; in TinyPacking in steps; in
      Objects how many of the goal's statements are still false).

    Args:
        world: a `GridMaze`, `PointMaze`, `TinyPacking` or `Objects`.
        render_mode: None or "rgb_array".
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012  (gymnasium's own declaration)

    def __init__(self, world: Playable, render_mode: str | None = None) -> None:
        _check_render_mode(render_mode)
        self.world = world
        self.render_mode = render_mode
        self.observation_space = _observation_space(world)
        self.action_space = _action_space(world)
        self._generator = torch.Generator()
        self._state: Tensor | None = None
        self._goal: Tensor
        self._steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observation, dict]:
        """A new start and goal. Raises ValueError for an unknown task or a state in a wall."""
        super().reset(seed=seed)
        if seed is not None or self._state is None:
            self._generator.manual_seed(int(self.np_random.integers(2**62)))
        self._state, self._goal = _draw(self.world, 1, self._generator, options)
        self._steps = 0
        return self._observe(), self._info(False)

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """One action. Raises RuntimeError before the first reset."""
        if self._state is None:
            raise RuntimeError("call reset() before step()")
        actions = _check_actions(self.world, torch.as_tensor(np.asarray(action))[None])
        self._state = self.world.step(self._state, actions, self._generator)
        self._steps += 1
        success = bool(self.world.reached(self._state, self._goal))
        truncated = not success and self._steps >= self.world.max_steps
        return self._observe(), float(success), success, truncated, self._info(success)

    def render(self) -> Any:
        """(H, W, 3) uint8 in the mode "rgb_array"."""
        if self.render_mode != "rgb_array" or self._state is None:
            return None
        return self.world.picture(self._state[0], self._goal[0])

    def _observe(self) -> Observation:
        assert self._state is not None
        return {
            "observation": self.world.observe(self._state)[0].numpy().copy(),
            "goal": self.world.observe(self._goal)[0].numpy().copy(),
        }

    def _info(self, success: bool) -> dict[str, Any]:
        assert self._state is not None
        return {"success": success, "distance": float(self.world.distances(self._state, self._goal))}


class MazeVectorEnv(VectorEnv[dict[str, Any], Any, NDArray[Any]]):
    """Many mazes stepped together; each is as `MazeEnv` says, everything with a leading axis `num_envs`.

    An environment whose episode has ended is reset by the next `step`, which ignores its action and gives reward 0
    (gymnasium's AutoresetMode.NEXT_STEP). `reset` takes one seed for all; the options "task_id", "start" and "goal" may
    have a leading axis `num_envs`, and "reset_mask" (num_envs,) bool resets only some.

    Args:
        world: a `GridMaze`, `PointMaze`, `TinyPacking` or `Objects`.
        num_envs: how many.
        render_mode: None or "rgb_array" (a tuple of pictures).
    """

    def __init__(self, world: Playable, num_envs: int = 1, render_mode: str | None = None) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {num_envs}")
        _check_render_mode(render_mode)
        self.metadata = {**MazeEnv.metadata, "autoreset_mode": AutoresetMode.NEXT_STEP}
        self.world = world
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.single_observation_space = _observation_space(world)
        self.single_action_space = _action_space(world)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._generator = torch.Generator()
        self._states: Tensor | None = None  # (num_envs, ...)
        self._goals: Tensor  # (num_envs, ...)
        self._steps = torch.zeros(num_envs, dtype=torch.long)
        self._ended = torch.zeros(num_envs, dtype=torch.bool)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """New starts and goals everywhere, or where `options["reset_mask"]` says."""
        if isinstance(seed, list):
            raise ValueError("all environments share one generator: give one seed, not a list")
        super().reset(seed=seed)
        if seed is not None or self._states is None:
            self._generator.manual_seed(int(self.np_random.integers(2**62)))
        mask = torch.as_tensor((options or {}).get("reset_mask", np.ones(self.num_envs, bool)))
        if mask.shape != (self.num_envs,) or mask.dtype != torch.bool:
            raise ValueError(f"reset_mask must be {self.num_envs} bools")
        self._restart(mask, options)
        return self._observe(), self._infos(torch.zeros(self.num_envs, dtype=torch.bool))

    def _restart(self, mask: Tensor, options: dict[str, Any] | None = None) -> None:
        starts, goals = _draw(self.world, self.num_envs, self._generator, options)
        keep = self._states is not None
        self._states = torch.where(mask[:, None], starts, self._states) if keep else starts  # type: ignore[arg-type]
        self._goals = torch.where(mask[:, None], goals, self._goals) if keep else goals
        self._steps = self._steps.masked_fill(mask, 0)
        self._ended = self._ended & ~mask

    def step(self, actions: Any) -> tuple[dict[str, Any], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """One action in each environment, or a reset where the last episode has ended."""
        if self._states is None:
            raise RuntimeError("call reset() before step()")
        fresh = self._ended
        chosen = _check_actions(self.world, torch.as_tensor(np.asarray(actions)))
        self._states = self.world.step(self._states, chosen, self._generator)
        self._steps = self._steps + 1
        if fresh.any():
            self._restart(fresh)
        success = self.world.reached(self._states, self._goals) & ~fresh
        truncated = (self._steps >= self.world.max_steps) & ~success & ~fresh
        self._ended = success | truncated
        rewards = success.double().numpy()
        return self._observe(), rewards, success.numpy(), truncated.numpy(), self._infos(success)

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:  # type: ignore[override]
        """A picture of each environment in the mode "rgb_array"."""
        if self.render_mode != "rgb_array" or self._states is None:
            return None
        return tuple(self.world.picture(state, goal) for state, goal in zip(self._states, self._goals, strict=True))

    def _observe(self) -> dict[str, Any]:
        assert self._states is not None
        pair = {"observation": self._states, "goal": self._goals}
        return {key: self.world.observe(states).numpy().copy() for key, states in pair.items()}

    def _infos(self, success: Tensor) -> dict[str, Any]:
        assert self._states is not None
        infos = {"success": success, "distance": self.world.distances(self._states, self._goals).double()}
        everywhere = np.ones(self.num_envs, bool)
        return {key: value.numpy().copy() for key, value in infos.items()} | {f"_{key}": everywhere for key in infos}


def _grid(render_mode: str | None = None, **world: Any) -> MazeEnv:
    return MazeEnv(GridMaze(**world), render_mode)


def _point(render_mode: str | None = None, **world: Any) -> MazeEnv:
    return MazeEnv(PointMaze(**world), render_mode)


def _grids(num_envs: int = 1, render_mode: str | None = None, **world: Any) -> MazeVectorEnv:
    return MazeVectorEnv(GridMaze(**world), num_envs, render_mode)


def _points(num_envs: int = 1, render_mode: str | None = None, **world: Any) -> MazeVectorEnv:
    return MazeVectorEnv(PointMaze(**world), num_envs, render_mode)


def _packing(render_mode: str | None = None, **world: Any) -> MazeEnv:
    return MazeEnv(TinyPacking(**world), render_mode)


def _packings(num_envs: int = 1, render_mode: str | None = None, **world: Any) -> MazeVectorEnv:
    return MazeVectorEnv(TinyPacking(**world), num_envs, render_mode)


def _objects(render_mode: str | None = None, **world: Any) -> MazeEnv:
    return MazeEnv(Objects(**world), render_mode)


def _many_objects(num_envs: int = 1, render_mode: str | None = None, **world: Any) -> MazeVectorEnv:
    return MazeVectorEnv(Objects(**world), num_envs, render_mode)


def register() -> None:
    """Tell gymnasium the ids. Doing so again changes nothing."""
    singles, batches = ("_grid", "_point", "_packing", "_objects"), ("_grids", "_points", "_packings", "_many_objects")
    for name, single, many in zip(IDS, singles, batches, strict=True):
        if name not in gymnasium.registry:
            gymnasium.register(
                name, entry_point=f"{__name__}:{single}", vector_entry_point=f"{__name__}:{many}", order_enforce=True
            )
