"""The authors' JAX code, measured on command: run by an interpreter that has jax, not by the course's own.

`python their_speed.py IMPLS` reads one JSON request a line and answers each with one line. `saw_edu.reference.theirs`
starts it, so that both implementations can take turns. IMPLS is the folder `impls` of a checkout of
https://github.com/johnlyzhou/saw, which has to be installed as its requirements.txt says, but for what rolls out and
logs. Agents are made as its main.py makes them: its samplers, its defaults but for the sizes asked for.
"""

import importlib
import json
import sys
import time
from typing import Any


def main() -> None:
    """Answer requests until the input ends."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is not an answer
    sys.path.insert(0, sys.argv[1])

    import flax
    import jax
    import numpy as np

    versions = {"jax": jax.__version__, "flax": flax.__version__, "numpy": np.__version__}
    print(json.dumps({"versions": versions, "device": jax.devices()[0].device_kind}), file=answers, flush=True)
    case: Any = None
    learner: Any = None
    for line in sys.stdin:
        request = json.loads(line)
        if request["case"] != case:
            case, learner = request["case"], Learner(**request["case"])
        print(json.dumps({"rate": learner.measure(request["seconds"])}), file=answers, flush=True)


class Learner:
    """An agent of theirs that learns from random data."""

    def __init__(
        self, agent: str, hidden_dims: list[int], batch_size: int, episodes: int, length: int, dims: list[int]
    ) -> None:
        import numpy as np
        from utils import datasets  # theirs

        module = importlib.import_module(f"agents.{agent}")
        config = module.get_config()
        for name in ("actor_hidden_dims", "value_hidden_dims", "low_actor_hidden_dims"):
            if name in config:
                config[name] = tuple(hidden_dims)
        config.batch_size = batch_size
        rng = np.random.default_rng(0)
        rows, (observation_dim, action_dim) = episodes * length, dims
        ends = np.arange(length, rows + 1, length) - 1
        terminals, valids = np.zeros(rows, np.float32), np.ones(rows, np.float32)
        terminals[ends], terminals[ends - 1], valids[ends] = 1, 1, 0  # as OGBench loads its compact layout
        self.data = getattr(datasets, config["dataset_class"])(
            datasets.Dataset.create(
                observations=rng.standard_normal((rows, observation_dim), np.float32),
                actions=rng.random((rows, action_dim), np.float32) * 2 - 1,
                terminals=terminals,
                valids=valids,
            ),
            config,
        )
        self.batch_size = batch_size
        example = self.data.sample(1)
        cls: Any = next(v for k, v in vars(module).items() if k.endswith("Agent") and isinstance(v, type))
        self.agent = cls.create(0, example["observations"], example["actions"], config)
        for _ in range(3):  # compile
            self.measure(0)

    def measure(self, seconds: float) -> float:
        """Updates a second, with sampling. One update may be under way while the next batch is drawn."""
        import jax

        updates, start, elapsed = 0, time.perf_counter(), 0.0
        while elapsed < seconds or updates == 0:
            before = self.agent
            self.agent, _ = before.update(self.data.sample(self.batch_size))
            jax.block_until_ready(before.network.params)
            updates, elapsed = updates + 1, time.perf_counter() - start
        jax.block_until_ready(self.agent.network.params)
        return updates / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
