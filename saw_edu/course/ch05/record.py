"""Chapter 5's recorded results, in assets/ch05: `saw-edu record ch05` makes them again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from saw_edu.course.ch05 import levels, probe, structure
from saw_edu.course.ch05.play import tell
from saw_edu.course.recording import Recorder


def _make(part: str, work: Path) -> None:
    name, seed = part.rsplit("-", 1)
    (work / part).mkdir(parents=True, exist_ok=True)
    if name in probe.WAYS:
        low, table = probe.probe_table(name, int(seed))
        table.to_csv(work / part / "probes.csv", index=False)
        structure.structure_table(name, int(seed), low).to_csv(work / part / "structure.csv", index=False)
        torch.save(low.state_dict(), work / part / "low.pt")
    elif name == "frozen":
        play, probes = probe.the_play(), probe.draw_probes()
        tables = []
        for how in probe.WAYS:
            low = probe.imitate(play, tell(how, play.phrases, play.cells, play.ends), how, int(seed), frozen=True)
            tables.append(probe.measure_table(low, how, int(seed), probes).assign(frozen=True))
        pd.concat(tables).to_csv(work / part / "probes.csv", index=False)
    else:
        levels.levels_table(name, int(seed)).to_csv(work / part / "levels.csv", index=False)


def _gather(work: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)

    def joined(file: str, names: tuple[str, ...]) -> pd.DataFrame:
        parts = [f"{name}-{seed}" for name in names for seed in range(probe.SEEDS)]
        return pd.concat(pd.read_csv(work / part / file) for part in parts)

    counted = ["how", "seed", "told", "temperature", "phrase"]
    for file, name in (("probes.csv", tuple(probe.WAYS)), ("frozen.csv", ("frozen",))):
        rates = joined("probes.csv", name).groupby(counted, sort=False)["success"].mean()
        rates.round(4).reset_index().to_csv(folder / file, index=False)
    joined("structure.csv", tuple(probe.WAYS)).round(4).to_csv(folder / "structure.csv", index=False)
    joined("levels.csv", levels.GRAINS).round(4).to_csv(folder / "levels.csv", index=False)
    torch.save({how: torch.load(work / f"{how}-0" / "low.pt") for how in probe.WAYS}, folder / "lows.pt")
    return {
        "seeds": list(range(probe.SEEDS)),
        "probes": asdict(probe.Settings()),
        "levels": asdict(levels.LevelSettings()),
        "files": "probes.csv: success of low levels by phrase; frozen.csv: encoders untrained; structure.csv: "
        "rank correlations; levels.csv: losses and success by grain; lows.pt: low levels of seed 0",
    }


RECORDER = Recorder(
    "ways of telling a subgoal: what they can say, their structure, and their grain",
    "ch05",
    tuple(f"{name}-{seed}" for seed in range(probe.SEEDS) for name in (*probe.WAYS, *levels.GRAINS, "frozen")),
    _make,
    _gather,
)
