"""Chapter 8's recorded results, in assets/ch08: `saw-edu record ch08` makes them again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from saw_edu.course.ch08 import scenes
from saw_edu.course.recording import Recorder
from saw_edu.hierarchy import EveryN, TwoLevels
from saw_edu.hierarchy.imagine import FlowNet, Reacher, learn_to_imagine, load_video
from saw_edu.rollouts import PolicyLike

EVERY = (1, 2, 8, 16)  # other times for which a picture is held
MEAN = 1  # flow steps
CUT = "cut-"  # parts without final frames
TABLES = ("success", "quality")


class Seed:
    """Everything that is trained and tested with one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rows: list[dict[str, Any]] = []
        self.quality: list[dict[str, Any]] = []

    def generator(self, number: int) -> torch.Generator:
        """For one net of this seed."""
        return torch.Generator().manual_seed(10_000 * number + self.seed)

    def imaginer(self, source: str, demonstrations: scenes.Recording) -> FlowNet:
        """A generator; all of them begin with the same weights."""
        video, config = scenes.video_of(source, demonstrations, self.seed)
        return learn_to_imagine(video, config, self.generator(1))[0]

    def test(
        self,
        policy: PolicyLike,
        pictures: str,
        source: str,
        low: str,
        every: int = scenes.EVERY,
        temperature: float = 1.0,
    ) -> None:
        """One row for each object."""
        found = scenes.success(policy, self.seed)
        named = {"pictures": pictures, "source": source, "low": low, "every": every, "temperature": temperature}
        self.rows += [{"seed": self.seed, **named, "object": name, "success": rate} for name, rate in found.items()]

    def oracle(self, low: Reacher, name: str) -> None:
        """The low level with pictures of the future."""
        high = scenes.Oracle(self.generator(7))
        self.test(TwoLevels(high, low, EveryN(scenes.EVERY)), "oracle", "-", name)

    def both(self, net: FlowNet, low: Reacher, source: str, name: str) -> None:
        """With samples and with the mean."""
        self.test(scenes.hierarchy(net, low, self.seed), "sampled", source, name)
        self.test(scenes.hierarchy(net, low, self.seed, MEAN), "mean", source, name)

    def run(self) -> None:
        """All of it."""
        few, many = scenes.demonstrations_of(self.seed), scenes.record(scenes.VIDEOS, 500 + self.seed)
        more = {name: torch.cat([few[name], many[name]]) for name in few}
        two = scenes.demonstrations_of(self.seed, objects=scenes.NO_CUP)
        lows = {
            name: scenes.clone_low(data, self.generator(2))
            for name, data in {"20": few, "1020": more, "20, no cup": two}.items()
        }
        for name, data in {"20": few, "1020": more}.items():
            self.test(scenes.clone_flat(data, self.generator(3)), "flat", "-", name)
        for name, low in lows.items():
            self.oracle(low, name)
        for source in scenes.SOURCES:
            net = self.imaginer(source, few)
            self.both(net, lows["20"], source, "20")
            for steps in (scenes.IMAGINING.flow_steps, MEAN):
                found = scenes.quality(net, self.seed, steps)._asdict()
                pictures = "mean" if steps == MEAN else "sampled"
                self.quality.append({"seed": self.seed, "source": source, "pictures": pictures, **found})
            if source == "robot":
                self.both(net, lows["1020"], source, "1020")
                for every in EVERY:
                    policy = scenes.hierarchy(net, lows["20"], self.seed, every=every)
                    self.test(policy, "sampled", source, "20", every)
            if source in ("none", "robot"):
                greedy = replace(lows["20"], temperature=0.0)
                self.test(scenes.hierarchy(net, greedy, self.seed), "sampled", source, "20", temperature=0.0)
        for source in ("none", "robot"):
            net = self.imaginer(source, two)
            self.test(scenes.hierarchy(net, lows["20, no cup"], self.seed), "sampled", source, "20, no cup")

    def run_cut(self) -> None:
        """Without the frames that follow each episode's last action, in demonstrations and videos alike."""
        few = scenes.without_final_frames(scenes.demonstrations_of(self.seed))
        many = scenes.without_final_frames(scenes.film_robot(scenes.VIDEOS, 500 + self.seed))
        low = scenes.clone_low(few, self.generator(2))
        net, _ = learn_to_imagine(load_video([few, many]), scenes.IMAGINING, self.generator(1))
        self.test(scenes.hierarchy(net, low, self.seed), "sampled", "robot, cut", "20, cut")
        self.oracle(low, "20, cut")
        found = scenes.quality(net, self.seed)._asdict()
        self.quality.append({"seed": self.seed, "source": "robot, cut", "pictures": "sampled", **found})


def _make(part: str, work: Path) -> None:
    seed = Seed(int(part.removeprefix(CUT)))
    seed.run_cut() if part.startswith(CUT) else seed.run()
    (work / part).mkdir(parents=True, exist_ok=True)
    for name, rows in zip(TABLES, (seed.rows, seed.quality), strict=True):
        pd.DataFrame(rows).to_csv(work / part / f"{name}.csv", index=False)


PARTS = tuple(f"{kind}{seed}" for kind in ("", CUT) for seed in range(scenes.SEEDS))


def _gather(work: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        tables = [pd.read_csv(work / part / f"{name}.csv") for part in PARTS]
        pd.concat(tables).round(4).to_csv(folder / f"{name}.csv", index=False)
    return {
        "seeds": list(range(scenes.SEEDS)),
        "demonstrations": scenes.DEMONSTRATIONS,
        "videos": scenes.VIDEOS,
        "generator's steps": scenes.IMAGINING.training_steps,
        "low level's steps": scenes.CLONING.steps,
        "files": f"success.csv: {scenes.EPISODES} errands of one object, by object; quality.csv: pictures for the "
        "frames of 60 fresh episodes",
    }


RECORDER = Recorder(
    "image subgoals: 20 demonstrations, with and without video of robots and persons",
    "ch08",
    PARTS,
    _make,
    _gather,
)
