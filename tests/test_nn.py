"""Network parts with known answers."""

import math

import pytest
import torch

from saw_edu.data import Spec
from saw_edu.nn import (
    IQE,
    MLP,
    MRN,
    GoalConditionedValue,
    Inputs,
    Networks,
    draw,
    frozen,
    make_policy,
    on_sphere,
)
from saw_edu.nn.quasimetrics import union_length


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
    spec = Spec(100, 50)
    actor = make_policy(spec, Inputs(spec, None, generator()), (200,), True, generator())
    hidden, mean = actor.trunk.dense[0].kernel, actor.mean.kernel
    assert hidden.abs().max() <= math.sqrt(6 / 400)
    assert float(hidden.detach().std()) == pytest.approx(math.sqrt(2 / 400), rel=0.02)
    assert float(mean.detach().std()) == pytest.approx(math.sqrt(2 * 0.01 / 250), rel=0.02)
    assert float(actor.mean.bias.abs().max()) == 0


@pytest.mark.parametrize("discrete", [False, True])
def test_temperature(discrete: bool) -> None:
    spec = Spec(2, 3, discrete)
    actor = make_policy(spec, Inputs(spec, None, generator()), (8,), True, generator())
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


def test_union_of_intervals() -> None:
    """[0, 1], [.5, 2], [4, 5] and an empty one cover 3; the gradient is -1 at left ends and +1 at right ends."""
    starts = torch.tensor([4.0, 0.5, 0.0, 9.0], requires_grad=True)
    ends = torch.tensor([5.0, 2.0, 1.0, 7.0], requires_grad=True)
    length = union_length(starts, ends)
    length.backward()
    assert float(length.detach()) == 3.0
    assert starts.grad.tolist() == [-1, 0, -1, 0]
    assert ends.grad.tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("kind", [IQE, MRN])
def test_quasimetrics_keep_their_promises(kind: type[IQE] | type[MRN]) -> None:
    """d(x, x) = 0, d ≥ 0, the triangle inequality; and d(x, y) differs from d(y, x)."""
    net = kind(Spec(3, 1), None, (8,), 16, True, generator()).double()
    x, y, z = torch.randn(3, 500, 16, generator=generator(1), dtype=torch.float64)
    there, back = net.distance(x, y), net.distance(y, x)
    assert float(net.distance(x, x).max()) <= 1e-6
    assert bool((there >= 0).all())
    assert bool((net.distance(x, z) <= there + net.distance(y, z) + 1e-9).all())
    assert float((there - back).abs().median()) > 0.1


def test_frozen_networks_pass_gradient_to_the_action_only() -> None:
    spec = Spec(2, 3)
    critic = GoalConditionedValue(Inputs(spec, None, generator()), (8,), True, generator(), action=spec)
    networks = Networks({"critic": critic})
    action = torch.zeros(4, 3, requires_grad=True)
    s = torch.ones(4, 2)
    free = networks.critic(s, s, action)
    fixed = frozen(networks, lambda n: n.critic(s, s, action))
    assert torch.equal(free, fixed)
    fixed.sum().backward()
    assert bool((action.grad != 0).any())
    assert all(p.grad is None for p in networks.parameters())


def test_an_encoder_is_for_images_and_images_need_one() -> None:
    with pytest.raises(ValueError, match="choose an encoder"):
        Inputs(Spec(48, 2, image=(4, 4, 3)), None, generator())
    with pytest.raises(ValueError, match="is for images"):
        Inputs(Spec(4, 2), "impala_small", generator())
