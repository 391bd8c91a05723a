"""What makes a run the same run: an edited loss does not get its old networks back."""

from pathlib import Path

import pytest
from training_cases import AGENT, CONFIG, walks

from saw_edu.agents import GCIVL, SAW
from saw_edu.training import train
from saw_edu.training.identity import code_of


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
    with pytest.raises(ValueError, match="from a run with another code"):
        train(agent, walks(), CONFIG, checkpoints=tmp_path, progress=False)


def _weight(x):  # type: ignore[no-untyped-def]
    return 2 * x


def _objective(x):  # type: ignore[no-untyped-def]
    return _weight(x) + 1


def test_code_is_known_by_what_it_does_and_by_what_it_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_of(_objective)
    assert before == code_of(_objective)
    monkeypatch.setitem(globals(), "_weight", lambda x: 3 * x)
    assert code_of(_objective) != before
    assert code_of(AGENT) == code_of(SAW())
    assert code_of(AGENT) != code_of(GCIVL())
