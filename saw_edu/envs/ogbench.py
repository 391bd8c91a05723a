"""OGBench's own environments (MuJoCo), many at a time, with the goal beside the observation.

Needs the extra: `pip install "saw-edu[ogbench]"`. Roll-outs by `saw_edu.rollouts.evaluate_env`.
"""

from __future__ import annotations

import ctypes.util
import os
import sys
import warnings
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv


class GoalBeside(gymnasium.Wrapper[dict[str, Any], Any, Any, Any]):
    """The goal that OGBench tells at a reset, beside every observation: {"observation": ..., "goal": ...}, float32.

    Pictures stay uint8.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        box = env.observation_space
        assert isinstance(box, spaces.Box)
        self._dtype = np.uint8 if box.dtype == np.uint8 else np.float32
        side: Any = spaces.Box(box.low.astype(self._dtype), box.high.astype(self._dtype), dtype=self._dtype)  # type: ignore[arg-type]
        self.observation_space = spaces.Dict({"observation": side, "goal": side})

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict]:
        """A task drawn at random, or that of options={"task_id": 1..5}."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._goal = np.asarray(info["goal"], self._dtype)
        return self._both(observation), {}

    def step(self, action: Any) -> tuple[dict[str, Any], Any, bool, bool, dict[str, Any]]:
        """One action; the info tells only whether the goal is reached."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._both(observation), reward, terminated, truncated, {"success": bool(info["success"])}

    def _both(self, observation: Any) -> dict[str, Any]:
        return {"observation": np.asarray(observation, self._dtype), "goal": self._goal}


def make(name: str, **options: Any) -> gymnasium.Env[Any, Any]:
    """OGBench's environment of that name, such as "pointmaze-medium-v0".

    Where there is no screen and nothing is said, MuJoCo draws through EGL, else through OSMesa.

    Raises:
        ModuleNotFoundError: the extra is not installed.
        ValueError: no such environment.
    """
    _choose_renderer()
    try:
        import ogbench  # noqa: F401  (registers its environments with gymnasium)
    except ModuleNotFoundError:
        raise ModuleNotFoundError('OGBench is not installed: pip install "saw-edu[ogbench]"') from None
    if name not in gymnasium.registry:
        known = sorted(key for key in gymnasium.registry if key.split("-")[0] == name.split("-")[0])
        raise ValueError(f"OGBench has no environment {name!r}; of that kind: {', '.join(known) or 'none'}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the environment's bounds are of another precision than its numbers
        return gymnasium.make(name, **options)


def make_vector(name: str, num_envs: int = 1, **options: Any) -> SyncVectorEnv:
    """Several environments of that name, stepped one after another in this process. Raises as `make` does."""
    return SyncVectorEnv([lambda: GoalBeside(make(name, **options)) for _ in range(num_envs)])


def _choose_renderer() -> None:
    """MUJOCO_GL, read when MuJoCo is first imported; what the user set is left."""
    if sys.platform != "linux" or os.environ.get("DISPLAY") or "MUJOCO_GL" in os.environ:
        return
    kinds = {"egl": "EGL", "osmesa": "OSMesa"}
    found = [kind for kind, library in kinds.items() if ctypes.util.find_library(library)]
    if found:
        os.environ["MUJOCO_GL"] = found[0]
