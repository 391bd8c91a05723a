"""Network parts with known answers."""

import math

import pytest
import torch

from saw_edu.data import Spec
from saw_edu.nn import MLP, draw, make_actor, on_sphere


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_an_ensemble_is_its_members_side_by_side() -> None:
    pair = MLP(3, [5, 1], generator(), layer_norm=True, ensemble=2)
    x = torch.randn(7, 3, generator=generator(1))
    both = pair(x)  # (2, 7, 1)
    for member in range(2):
        single = MLP(3, [5, 1], generator(), layer_norm=True)
        single.load_state_dict({name: p[member] for name, p in pair.state_dict().items()})
        assert torch.allclose(single(x), both[member], atol=1e-6)
    assert not torch.allclose(both[0], both[1])


def test_on_sphere() -> None:
    lengths = on_sphere(torch.randn(5, 9, generator=generator())).norm(dim=-1)
    assert torch.allclose(lengths, torch.full((5,), 3.0))
    zero = torch.zeros(1, 4, requires_grad=True)
    on_sphere(zero).sum().backward()
    assert torch.equal(on_sphere(zero), torch.zeros(1, 4))
    assert torch.isfinite(zero.grad).all()


def test_initial_weights_are_xavier_uniform() -> None:
    actor = make_actor(Spec(100, 50), 100, (200,), True, generator())
    hidden, mean = actor.trunk.dense[0].kernel, actor.mean.kernel
    assert hidden.abs().max() <= math.sqrt(6 / 400)
    assert float(hidden.detach().std()) == pytest.approx(math.sqrt(2 / 400), rel=0.02)
    assert float(mean.detach().std()) == pytest.approx(math.sqrt(2 * 0.01 / 250), rel=0.02)
    assert float(actor.mean.bias.abs().max()) == 0


@pytest.mark.parametrize("discrete", [False, True])
def test_temperature(discrete: bool) -> None:
    actor = make_actor(Spec(2, 3, discrete), 2, (8,), True, generator())
    s, g = torch.zeros(4000, 2), torch.ones(4000, 2)
    still = draw(actor(s, g, 0.0), 0.0, None)
    assert (still == still[0]).all()
    warm, again = (draw(actor(s, g, 1.0), 1.0, generator(5)) for _ in range(2))
    assert torch.equal(warm, again)
    assert len(warm.unique(dim=0)) > 1
    if not discrete:
        assert bool((warm.abs() <= 1).all())
        tepid = draw(actor(s, g, 0.1), 0.1, generator(5))
        assert float(tepid.std()) == pytest.approx(0.1, rel=0.1)
