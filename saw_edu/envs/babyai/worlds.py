"""BabyAI's levels as one vector environment: many episodes of a learned policy at once."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor
from torch.nn import functional as F

from saw_edu.data import Vocabulary
from saw_edu.place import did_you_mean

ACTIONS = ("left", "right", "forward", "pick up", "drop", "toggle", "done")
OBJECTS, COLOURS, STATES = 11, 6, 3  # how many kinds minigrid's encoding of a cell has
FEATURES = 7 * 7 * (OBJECTS + COLOURS + STATES)  # numbers in `features` of a view
_PREFIX, _SUFFIX = "BabyAI-", "-v0"


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without what minigrid prints when it draws a level anew, and gymnasium's warnings about its missions."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def level_names() -> list[str]:
    """Every level of the installed minigrid, such as "GoToLocal"."""
    with quietly():
        import minigrid  # noqa: F401  (registers its levels)
    ids = [name for name in gymnasium.registry if name.startswith(_PREFIX) and name.endswith(_SUFFIX)]
    return sorted(name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for name in ids)


def make_level(level: str) -> gymnasium.Env[Any, Any]:
    """One environment of minigrid as it is. Raises ValueError for an unknown level, with the nearest known one."""
    known = level_names()
    if level not in known:
        raise ValueError(
            f"no BabyAI level is called {level!r}{did_you_mean(level, known)} Known levels: {', '.join(known)}"
        )
    with quietly():
        return gymnasium.make(f"{_PREFIX}{level}{_SUFFIX}", disable_env_checker=True)


def view_of(found: dict[str, Any]) -> np.ndarray:
    """The cells that the agent sees, (7, 7, 3) uint8, of minigrid's observation."""
    view: np.ndarray = found["image"]
    if view.shape != (7, 7, 3):
        raise ValueError(f"an agent sees 7 x 7 cells here, got {view.shape}")
    return view


def features(views: Tensor) -> Tensor:
    """Views (..., 7, 7, 3) of whole numbers -> (..., 980) float: each cell's object, colour and state as one-hots."""
    cells = views.long()
    parts = [F.one_hot(cells[..., i], n) for i, n in enumerate((OBJECTS, COLOURS, STATES))]
    return torch.cat(parts, dim=-1).flatten(-3).float()


def reader(vocabulary: Vocabulary) -> Callable[[dict[str, Any]], tuple[Tensor, Tensor]]:
    """What a policy is given of `BabyAIVectorEnv`'s observations: features (B, 980), and words (B, length)."""

    def read(found: dict[str, Any]) -> tuple[Tensor, Tensor]:
        return features(torch.from_numpy(found["image"])), vocabulary.encode(found["mission"])

    return read


class BabyAIVectorEnv(VectorEnv[dict[str, Any], Any, Any]):
    """Many episodes of one BabyAI level, the i-th from the environment's seed `seed + i`.

    - Mission: a sentence, such as "go to the red ball", in `observations["mission"]` (a list).
    - Observation: "image", the 7 x 7 cells before the agent, (B, 7, 7, 3) uint8, and "direction" (B,).
    - Actions: 0 to 6, see `ACTIONS`.
    - Reward: 1 - 0.9 steps / max_steps when the mission is done, else 0. **Success is a reward above 0**: some levels
      end an episode without one.
    - Termination: the mission is done, or failed. Truncation: after the level's own number of steps.

    An episode that is over stays as it is until all are reset together: so `rollouts.evaluate_env` gives every policy
    the very same episodes. Without a seed, a reset goes on with the seeds after those used last.

    Args:
        level: such as "GoToLocal".
        num_envs: episodes at once.
    """

    metadata = {"autoreset_mode": AutoresetMode.DISABLED}  # noqa: RUF012  (gymnasium's own declaration)

    def __init__(self, level: str, num_envs: int) -> None:
        if num_envs < 1:
            raise ValueError(f"need at least one environment, got num_envs={num_envs}")
        self.num_envs, self.level = num_envs, level
        self.envs: list[Any] = [make_level(level).unwrapped for _ in range(num_envs)]
        self.single_observation_space = self.envs[0].observation_space
        self.single_action_space = spaces.Discrete(len(ACTIONS))
        self.observation_space = self.single_observation_space
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._next_seed = 0
        self._over: np.ndarray | None = None
        self._found: list[dict[str, Any]] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict]:
        """New episodes in all environments."""
        first = self._next_seed if seed is None else seed
        with quietly():
            self._found = [env.reset(seed=first + i)[0] for i, env in enumerate(self.envs)]
        self._next_seed = first + self.num_envs
        self._over = np.zeros(self.num_envs, bool)
        return self._observe(), {}

    def step(self, actions: Any) -> tuple[dict[str, Any], np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One action in each episode that is not over.

        Raises:
            RuntimeError: before the first reset.
            ValueError: not one action for each environment, or a number that is no action.
        """
        if self._over is None:
            raise RuntimeError("call reset() before step()")
        chosen = np.asarray(actions)
        if chosen.shape != (self.num_envs,) or chosen.min() < 0 or chosen.max() >= len(ACTIONS):
            raise ValueError(f"need {self.num_envs} actions from 0 to {len(ACTIONS) - 1}, got {chosen}")
        rewards = np.zeros(self.num_envs)
        terminated, truncated = self._over.copy(), np.zeros(self.num_envs, bool)
        for i in np.flatnonzero(~self._over):
            self._found[i], rewards[i], terminated[i], truncated[i], _ = self.envs[i].step(int(chosen[i]))
        self._over = self._over | terminated | truncated
        return self._observe(), rewards, terminated, truncated, {}

    def _observe(self) -> dict[str, Any]:
        return {
            "image": np.stack([found["image"] for found in self._found]),
            "direction": np.array([found["direction"] for found in self._found]),
            "mission": [found["mission"] for found in self._found],
        }
