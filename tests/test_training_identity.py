"""What makes a run the same run: an edited loss does not get its old networks back."""

import dataclasses
import functools
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from training_cases import AGENT, CONFIG, SMALL, GoalsForWaypoints, equal, small, walks

from saw_edu.agents import GCIVL, GCWAE, SAW
from saw_edu.data import HindsightSampler
from saw_edu.training import train
from saw_edu.training.digest import changes, code_of, digest_of


class Half(SAW):
    """SAW with half of the policy's loss."""

    def policy_loss(self, networks, batch):  # type: ignore[no-untyped-def]
        loss, metrics = super().policy_loss(networks, batch)
        return 0.5 * loss, metrics


def test_an_edited_loss_does_not_get_its_old_networks_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = Half(**vars(AGENT))
    train(agent, walks(), CONFIG, checkpoints=tmp_path, progress=False)
    train(agent, walks(), CONFIG, checkpoints=tmp_path, progress=False)  # the same code: goes on

    def edited(self, networks, batch):  # type: ignore[no-untyped-def]
        loss, metrics = SAW.policy_loss(self, networks, batch)
        return 0.25 * loss, metrics

    monkeypatch.setattr(Half, "policy_loss", edited)
    with pytest.raises(ValueError, match=r"from a run whose code has changed since: Half\.policy_loss: give another"):
        train(agent, walks(), CONFIG, checkpoints=tmp_path, progress=False)


HELPERS = """
BONUS = 0.1

def bonus(x):
    return x + BONUS

def unused(x):
    return x
"""

OWN = '''
import functools
import torch
import own_helpers
from dataclasses import dataclass
from saw_edu.agents import GCBC

SCALE = 0.5
TABLE = {"bc": [1.0, 2.0], "of": frozenset({"a", "b"})}
START = torch.tensor([1.0, 2.0])
called = 0

def weigh(x, by=1.0, *, plus=0.0):
    """Weighs."""
    # by much
    return by * x + plus

def logged(function):
    def inner(*given):
        return function(*given)
    return inner

@dataclass(frozen=True)
class Own(GCBC):
    """Imitates."""

    gain: float = 1.5
    share = 0.25

    def policy_loss(self, networks, batch):
        """The loss."""
        global called
        called += 1
        error = torch.nn.functional.mse_loss(self.told(batch), self.seen(batch), reduction="mean")
        return SCALE * TABLE["bc"][0] * self.share * weigh(error) + own_helpers.bonus(START.sum()), {}

    @functools.cached_property
    def rate(self):
        return 2.0

    @property
    def half(self):
        return 3.0

    @torch.no_grad()
    def seen(self, batch):
        return batch.observations + 4.0

    @logged
    def told(self, batch):
        return batch.actions + 5.0

    @staticmethod
    def fixed(x):
        return 6.0 * x

    def __call__(self, x):
        return 7.0 * x

class Draw:
    def __init__(self, size):
        self.size, self.calls = size, 0

    def __call__(self, size, generator):
        self.calls += 1
        return self.size
'''


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Modules of a user's own, from their source."""

    def load(source: str = OWN, helpers: str = HELPERS) -> Any:
        for name, text in (("own_helpers", helpers), ("own", source)):
            path = tmp_path / f"{name}.py"
            path.write_text(text)
            spec = importlib.util.spec_from_file_location(name, path)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            monkeypatch.setitem(sys.modules, name, module)
            exec(compile(text, path, "exec"), module.__dict__)
        return module

    return load


EDITS = {
    'reduction="mean"': ('reduction="sum"', "Own.policy_loss"),
    "SCALE = 0.5": ("SCALE = 0.6", "SCALE"),
    "[1.0, 2.0],": ("[1.0, 2.5],", "TABLE"),
    '{"a", "b"}': ('{"a", "c"}', "TABLE"),
    "tensor([1.0, 2.0])": ("tensor([1.0, 2.1])", "START"),
    "by=1.0": ("by=1.1", "weigh"),
    "plus=0.0": ("plus=0.1", "weigh"),
    "by * x": ("by - x", "weigh"),
    "share = 0.25": ("share = 0.26", "Own.share"),
    "return 2.0": ("return 2.1", "Own.rate"),
    "return 3.0": ("return 3.1", "Own.half"),
    "observations + 4.0": ("observations + 4.1", "Own.seen"),
    "@torch.no_grad()": ("@torch.enable_grad()", "Own.seen"),
    "    @torch.no_grad()\n": ("", "Own.seen"),
    "actions + 5.0": ("actions + 5.1", "Own.told"),
    "function(*given)": ("2 * function(*given)", "Own.told"),
    "6.0 * x": ("6.1 * x", "Own.fixed"),
    "7.0 * x": ("7.1 * x", "Own.__call__"),
    "functional.mse_loss": ("functional.l1_loss", "Own.policy_loss"),
    "BONUS = 0.1": ("BONUS = 0.2", "BONUS"),
    "x + BONUS": ("x - BONUS", "bonus"),
}


@pytest.mark.parametrize("old", EDITS)
def test_every_kind_of_edit_is_noticed_and_named(old: str, load: Callable[..., Any]) -> None:
    new, name = EDITS[old]
    before = code_of(load().Own(policy_hidden_dims=(4,)))
    assert old in OWN + HELPERS
    after = code_of(load(OWN.replace(old, new), HELPERS.replace(old, new)).Own(policy_hidden_dims=(4,)))
    assert name in changes(before, after)
    assert len(changes(before, after)) <= 2, "and nothing that was not touched"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Weighs."""', '"""Weighs much."""'),
        ('    """Weighs."""\n', ""),
        ('"""Imitates."""', '"""Copies."""'),
        ('"""The loss."""', '"""Its loss."""'),
        ("# by much", "# by little"),
        ("SCALE = 0.5", "\n\n\nSCALE = 0.5  # half"),
        ("called = 0", "called = 5"),
        ("gain: float = 1.5", "gain: float = 1.5  # a comment"),
        ("def unused(x):\n    return x", "def unused(x):\n    return 2 * x"),
    ],
)
def test_what_changes_no_result_goes_unnoticed(old: str, new: str, load: Callable[..., Any]) -> None:
    before = code_of(load().Own())
    assert old in OWN + HELPERS
    assert changes(before, code_of(load(OWN.replace(old, new), HELPERS.replace(old, new)).Own())) == []


def test_defaults_count_for_a_class_and_values_for_an_object(load: Callable[..., Any]) -> None:
    own, edited = load().Own, load(OWN.replace("gain: float = 1.5", "gain: float = 1.6")).Own
    assert changes(code_of(own), code_of(edited)) == ["Own.gain"]
    assert code_of(own(gain=2.0)) == code_of(edited(gain=2.0))
    assert digest_of(own()) != digest_of(edited()) != digest_of(edited(gain=1.5)) == digest_of(own())


def made(size: int, table: object = None) -> Callable[..., Any]:
    calls = 0

    def draw(batch_size: int, generator: torch.Generator) -> object:
        nonlocal calls
        calls += 1
        return size, table

    return draw


@dataclasses.dataclass(frozen=True)
class Near(HindsightSampler):
    nearest: int = 3


def test_what_a_draw_function_keeps_counts_but_not_what_it_changes(load: Callable[..., Any]) -> None:
    one, other = made(1), made(2)
    assert changes(code_of(one), code_of(other)) == ["size of draw"]
    before = code_of(one)
    one(0, None)
    assert code_of(one) == before
    assert changes(code_of(made(1, walks())), code_of(made(1, walks(True)))) == ["table of draw"]
    assert code_of(made(1, walks())) == code_of(made(1, walks()))
    assert code_of(functools.partial(one, 1)) != code_of(functools.partial(one, 2))
    draw, again, larger = (load().Draw(size) for size in (1, 1, 2))
    draw(0, None)
    assert code_of(draw) == code_of(again) != code_of(larger)
    edited = load(OWN.replace("return self.size", "return 2 * self.size")).Draw(1)
    assert changes(code_of(draw), code_of(edited)) == ["Draw.__call__"]
    near, nearer = (Near(walks(), AGENT.goals, nearest=nearest).sample for nearest in (3, 2))
    assert code_of(near) != code_of(nearer)
    layers = [torch.nn.Linear(2, 2) for _ in range(2)]
    assert code_of(made(1, layers[0])) != code_of(made(1, layers[1]))


def test_code_has_one_digest_in_every_process() -> None:
    script = (
        "from training_cases import AGENT\nfrom saw_edu.training.digest import code_of, digest_of\n"
        "TABLE = {'a', 'b', 'c'}\ndef f(x):\n    return x in {'u', 'v', 'w'} or x in TABLE\n"
        "print(digest_of(code_of(AGENT, f)))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent,
            env={"PYTHONPATH": ":".join(["..", *sys.path]), "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_agents_are_told_apart_by_their_code_alone() -> None:
    assert code_of(AGENT) == code_of(SAW())
    assert code_of(AGENT) != code_of(GCIVL())


def test_another_sampler_and_another_python_are_named(tmp_path: Path) -> None:
    train(AGENT, walks(), CONFIG, 1, checkpoints=tmp_path, progress=False)
    with pytest.raises(ValueError, match="code has changed since: GoalsForWaypoints"):
        train(AGENT, walks(), CONFIG, 1, checkpoints=tmp_path, progress=False, sampler=GoalsForWaypoints)
    path = tmp_path / "seed_0.pt"
    content = torch.load(path, weights_only=True)
    content["identity"] |= {"Python": "3.9", "code": {"SAW.policy_loss": "other"}}
    torch.save(content, path)
    with pytest.raises(ValueError, match=r"under Python 3\.9, this is 3\.1\d, so that code cannot be compared"):
        train(AGENT, walks(), CONFIG, 1, checkpoints=tmp_path, progress=False)
    content["identity"] = {"code": "abc", "data": "def"}
    torch.save(content, path)
    with pytest.raises(ValueError, match="of an earlier version of saw-edu"):
        train(AGENT, walks(), CONFIG, 1, checkpoints=tmp_path, progress=False)


def test_more_seeds_go_on_from_values_that_are_given(tmp_path: Path) -> None:
    value = train(small("gcivl"), walks(), CONFIG, 3, progress=False)
    agent = GCWAE(**SMALL, subgoal_steps=3)
    train(agent, walks(), CONFIG, 2, value_from=value.only([0, 1]), checkpoints=tmp_path, progress=False)
    first = (tmp_path / "seed_0.pt").stat().st_mtime_ns
    more = train(agent, walks(), CONFIG, 3, value_from=value, checkpoints=tmp_path, progress=False)
    assert (tmp_path / "seed_0.pt").stat().st_mtime_ns == first
    assert equal(more, train(agent, walks(), CONFIG, 3, value_from=value, progress=False))
    other = dataclasses.replace(value, networks=value.networks[::-1])
    with pytest.raises(ValueError, match="with another value_from"):
        train(agent, walks(), CONFIG, 3, value_from=other, checkpoints=tmp_path, progress=False)
