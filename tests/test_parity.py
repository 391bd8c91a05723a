"""The agents against the reference's own numbers, and proof that the comparison notices small mistakes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import saw_edu.agents.objectives as objectives
import saw_edu.nn.mlp as mlp
from saw_edu.cli import app
from saw_edu.reference import agents as parity
from saw_edu.training import Learner

GOLDEN = sorted((Path(__file__).parents[1] / "assets" / "golden").glob("*.npz"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_agrees_with_the_reference(path: Path) -> None:
    errors = parity.compare(parity.load_golden(path))
    assert errors.within(), errors


def saw_errors() -> parity.Errors:
    return parity.compare(parity.load_golden(Path(__file__).parents[1] / "assets" / "golden" / "saw.npz"))


def test_notices_another_layer_norm_epsilon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlp, "LAYER_NORM_EPSILON", 1e-5)
    assert not saw_errors().within(10)


def test_notices_a_target_update_after_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(self: Learner, batch):  # type: ignore[no-untyped-def]
        loss, metrics = self.loss(batch)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self._followers, self._followed, self.config.tau)
        return loss.detach(), metrics

    monkeypatch.setattr(Learner, "update", late)
    assert saw_errors().after1 > 100 * parity.TOLERANCES["after1"]


def test_notices_a_missing_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saw_edu.agents.saw.awr_weights", lambda a, alpha, clip: (2 * alpha * a).exp())
    assert saw_errors().loss > 1e-4


def test_where_the_reference_has_no_actions_the_table_says_none() -> None:
    path = Path(__file__).parents[1] / "assets" / "golden" / "gcwae.npz"
    results = parity.run([path])
    assert results[0][1].actions is None
    row = parity.table(results).split("\n")[1].split()
    assert row[-2:] == ["none", "agrees"]


def test_expectile_is_exact_in_double_precision() -> None:
    """A Python number inside torch.where would come out in single precision: an error of 1e-8."""
    weights = objectives.expectile_weights(torch.tensor([1.0, -1.0], dtype=torch.float64), 0.7)
    assert weights.tolist() == pytest.approx([0.7, 0.3], abs=1e-15)


def changed(tmp_path: Path, **config: object) -> Path:
    """The saw case with another configuration."""
    with np.load(Path(__file__).parents[1] / "assets" / "golden" / "saw.npz") as file:
        arrays = dict(file)
    arrays["config"] = np.array(json.dumps(json.loads(str(arrays["config"])) | config))
    np.savez(tmp_path / "changed.npz", **arrays)
    return tmp_path / "changed.npz"


def test_the_configuration_is_obeyed(tmp_path: Path) -> None:
    for change in ({"beta": 2.9}, {"lr": 3.1e-4}, {"tau": 0.006}, {"expectile": 0.71}, {"discount": 0.98}):
        assert not parity.compare(parity.load_golden(changed(tmp_path, **change))).within(), change


def test_command_line(tmp_path: Path) -> None:
    run = CliRunner().invoke
    good = run(app, ["parity", *map(str, GOLDEN)])
    assert good.exit_code == 0
    assert all(path.stem in good.output for path in GOLDEN)
    bad = run(app, ["parity", str(GOLDEN[0]), str(changed(tmp_path, discount=0.9))])
    assert bad.exit_code == 1
    assert "DIFFERS" in bad.output


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"agent_name": "sav"}, "did you mean 'saw'"),
        ({"encoder": "impala_small"}, "encoder='impala_small' is not supported"),
        ({"p_aug": 0.5}, "p_aug=0.5"),
        ({"warp_factor": 9}, "no option warp_factor"),
        ({"share_goal_rep": True}, "no parameter for"),
    ],
)
def test_configurations_that_cannot_be_compared(tmp_path: Path, config: dict[str, object], message: str) -> None:
    result = CliRunner().invoke(app, ["parity", str(changed(tmp_path, **config))])
    assert result.exit_code == 2
    assert message in result.output


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    (tmp_path / "cut.npz").write_bytes(GOLDEN[0].read_bytes()[:5000])
    for name, message in (
        ("text", "cannot be read"),
        ("other", "no 'config'"),
        ("cut", "cannot be read"),
        ("none", "no such"),
    ):
        result = CliRunner().invoke(app, ["parity", str(tmp_path / f"{name}.npz")])
        assert result.exit_code == 2, name
        assert message in result.output
