"""Pixel observations: encoders, stacked frames and crops against the reference's numbers and known answers."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap

from saw_edu.agents import GCBC
from saw_edu.data import (
    Batch,
    DatasetError,
    HindsightGoals,
    HindsightSampler,
    Spec,
    Trajectories,
    augment_batch,
    crop,
    load_npz,
    push_frame,
    save_npz,
)
from saw_edu.envs import GridMaze, PointMaze, navigate
from saw_edu.envs.maze.render import AGENT, FLOOR, WALL
from saw_edu.nn.encoders import ENCODERS, ImpalaEncoder, make_encoder
from saw_edu.rollouts import PolicyLike, evaluate
from saw_edu.training import TrainingConfig, train

GOLDEN = Path(__file__).parents[1] / "assets" / "golden" / "pixels"


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def golden(case: str) -> dict[str, torch.Tensor]:
    with np.load(GOLDEN / f"{case}.npz") as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def pictures(num: int, height: int = 5, width: int = 4, channels: int = 3) -> torch.Tensor:
    return torch.randint(0, 256, (num, height, width, channels), generator=generator(), dtype=torch.uint8)


# --- encoders
def parameter_name(reference: str) -> str:
    """The reference's "stack_blocks_1/Conv_2/kernel" is our "stacks.1.conv.2.kernel"."""
    module, layer, kind = reference.split("/")
    number = layer.split("_")[1]
    return f"mlp.dense.{number}.{kind}" if module == "MLP_0" else f"stacks.{module[-1]}.conv.{number}.{kind}"


@pytest.mark.parametrize("name", ["impala_debug", "impala_small"])
def test_features_and_gradients_are_the_references(name: str) -> None:
    arrays = golden(name)
    images = arrays["images"]
    encoder = make_encoder(name, tuple(images.shape[1:]), generator()).double()
    encoder.load_state_dict(
        {parameter_name(key[7:]): value for key, value in arrays.items() if key.startswith("params/")}
    )
    assert torch.allclose(encoder(images), arrays["features"], rtol=0, atol=1e-6)
    # The reference divides by 255 in float32 whatever the precision of its parameters. With that undone:
    features = encoder((images.float() / 255).double() * 255)
    assert torch.allclose(features, arrays["features"], rtol=0, atol=1e-13)
    features.square().mean().backward()
    gradients = {key: value for key, value in arrays.items() if key.startswith("grad/")}
    assert len(gradients) > 7
    for key, expected in gradients.items():
        assert torch.allclose(encoder.get_parameter(parameter_name(key[5:])).grad, expected, rtol=0, atol=1e-13), key


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders_start_as_flax_starts_them(name: str) -> None:
    encoder = make_encoder(name, (64, 64, 3), generator())
    channels, blocks, features = ENCODERS[name]
    assert encoder.size == features
    assert len(encoder.stacks) == len(channels)
    side = 64 >> len(channels)
    assert encoder.mlp.dense[0].kernel.shape == (side * side * channels[-1], features)
    inputs = 3
    for stack, outputs in zip(encoder.stacks, channels, strict=True):
        assert len(stack.conv) == 1 + 2 * blocks
        first = stack.conv[0].kernel.detach()
        limit = (6 / (9 * inputs + 9 * outputs)) ** 0.5
        assert 0.9 * limit < first.abs().max() <= limit
        assert all(not conv.bias.any() for conv in stack.conv)
        inputs = outputs


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_uint8_and_floats_give_the_same_features_in_the_parameters_precision(dtype: torch.dtype) -> None:
    encoder = make_encoder("impala_debug", (5, 4, 3), generator()).to(dtype)
    images = pictures(6)
    features = encoder(images)
    assert features.shape == (6, encoder.size)
    assert features.dtype == dtype
    assert torch.equal(features, encoder(images.to(dtype)))
    assert torch.allclose(features.reshape(2, 3, -1), encoder(images.reshape(2, 3, 5, 4, 3)), atol=1e-6)
    assert torch.allclose(features[0], encoder(images[0]), atol=1e-6)


def test_encoders_of_several_seeds_side_by_side() -> None:
    encoders = [make_encoder("impala_small", (5, 4, 3), generator(seed)) for seed in range(3)]
    parameters, buffers = stack_module_state(encoders)
    images = pictures(6).reshape(3, 2, 5, 4, 3)
    together = vmap(lambda p, b, x: functional_call(encoders[0], (p, b), (x,)))(parameters, buffers, images)
    apart = torch.stack([encoder(x) for encoder, x in zip(encoders, images, strict=True)])
    assert torch.allclose(together, apart, atol=1e-5)


def test_bad_encoders_and_images() -> None:
    with pytest.raises(ValueError, match="did you mean 'impala_small'"):
        make_encoder("impala_smal", (8, 8, 3), generator())
    with pytest.raises(ValueError, match="height, width, channels"):
        make_encoder("impala_small", (8, 8), generator())
    encoder = ImpalaEncoder(ENCODERS["impala_debug"], (8, 8, 3), generator())
    with pytest.raises(ValueError, match=r"\(2, 8, 8, 6\)"):
        encoder(torch.zeros(2, 8, 8, 6))


# --- data
def numbered(compact: bool = True, frame_stack: int = 1) -> Trajectories:
    """Episodes of 4 and 3 rows of 2 x 1 pictures; every pixel is 10 times the row's number, in channel 1 one more."""
    images = (10 * torch.arange(7, dtype=torch.uint8))[:, None, None, None].repeat(1, 2, 1, 2)
    images[..., 1] += 1
    return Trajectories(images, torch.zeros(7, 2), torch.tensor([4, 7]), None if compact else images + 5, frame_stack)


def test_frames_are_stacked_oldest_first_and_never_across_episodes() -> None:
    data = numbered(frame_stack=3)
    seen = data.at(torch.tensor([0, 1, 3, 4, 6]))
    assert seen.shape == (5, 2, 1, 6)
    assert seen.dtype == torch.uint8
    assert seen[:, 0, 0].tolist() == [
        [0, 1, 0, 1, 0, 1],  # an episode's first frame is repeated
        [0, 1, 0, 1, 10, 11],
        [10, 11, 20, 21, 30, 31],
        [40, 41, 40, 41, 40, 41],  # the second episode's first
        [40, 41, 50, 51, 60, 61],
    ]
    assert torch.equal(seen[:, 0], seen[:, 1])
    assert torch.equal(data.next(torch.tensor([0, 2, 5])), data.at(torch.tensor([1, 3, 6])))
    assert data.next(torch.tensor([2]))[0, 0, 0].tolist() == [10, 11, 20, 21, 30, 31]  # the end of an episode
    assert data.spec() == Spec(12, 2, image=(2, 1, 6))
    assert numbered().spec() == Spec(4, 2, image=(2, 1, 2))


def test_next_frames_of_the_regular_layout_end_with_the_next_observation() -> None:
    data = numbered(compact=False, frame_stack=3)
    assert data.next(torch.tensor([0, 3]))[:, 0, 0].tolist() == [[0, 1, 0, 1, 5, 6], [20, 21, 30, 31, 35, 36]]


def test_vectors_are_stacked_too() -> None:
    data = Trajectories(torch.arange(6.0).reshape(3, 2), torch.zeros(3, 1), torch.tensor([3]), frame_stack=2)
    assert data.at(torch.tensor([0, 2])).tolist() == [[0, 1, 0, 1], [2, 3, 4, 5]]
    assert data.spec() == Spec(4, 1)


def test_frames_pushed_one_by_one_are_those_of_the_data() -> None:
    data = numbered(frame_stack=3)
    stacked = torch.cat([data.observations[:1]] * 3, -1)
    for row in range(1, 4):
        stacked = push_frame(stacked, data.observations[row : row + 1])
        assert torch.equal(stacked, data.at(torch.tensor([row])))


def test_stacked_frames_are_the_references() -> None:
    arrays = golden("frames")
    ends = arrays["lengths"].cumsum(0)
    data = Trajectories(arrays["frames"], torch.zeros(len(arrays["frames"]), 1), ends, frame_stack=3)
    assert torch.equal(data.at(data.start_rows), arrays["stacked"][data.start_rows])
    assert not torch.equal(data.at(ends - 1), arrays["stacked"][ends - 1])  # its oddity at the end of an episode


@pytest.mark.parametrize("frame_stack", [1, 3])
def test_every_picture_of_a_batch_is_looked_up_alike(frame_stack: int) -> None:
    data = numbered(frame_stack=frame_stack)
    sampler = HindsightSampler(data, HindsightGoals(), discount=0.9, subgoal_steps=2)
    picked = sampler.sample_goals(data.start_rows, generator())
    batch = sampler.look_up(picked)
    for images, rows in (
        (batch.observations, picked.rows),
        (batch.next_observations, picked.rows + 1),
        (batch.value_goals, picked.value_goals),
        (batch.policy_goals, picked.policy_goals),
        (batch.subgoals, picked.subgoals),
        (batch.waypoints, picked.waypoints),
    ):
        assert images.dtype == torch.uint8
        assert images.shape[1:] == data.spec().image
        assert images[:, 0, 0, -2].tolist() == (10 * rows).tolist()
    assert batch.rewards.dtype == batch.masks.dtype == torch.float32


def test_images_stay_uint8_in_files_and_on_the_way_to_the_device(tmp_path: Path) -> None:
    for compact in (True, False):
        data = numbered(compact)
        back = load_npz(save_npz(tmp_path / "data.npz", data)).to(dtype=torch.float64)
        assert torch.equal(back.observations, data.observations)
        assert back.observations.dtype == torch.uint8
        assert back.compact == compact
        if not compact:
            assert torch.equal(back.next_observations, data.next_observations)
            assert back.next_observations.dtype == torch.uint8
        assert back.float_dtype == back.actions.dtype == torch.float64
        assert dataclasses.replace(back, frame_stack=2).to("cpu").frame_stack == 2


def test_faults_of_pictures(tmp_path: Path) -> None:
    images, actions, ends = torch.zeros(4, 2, 2, 3), torch.zeros(4, 1), torch.tensor([4])
    with pytest.raises(ValueError, match="images must be uint8"):
        Trajectories(images, actions, ends)
    with pytest.raises(ValueError, match="must be floats"):
        Trajectories(torch.zeros(4, 2, dtype=torch.uint8), actions, ends)
    with pytest.raises(ValueError, match="images \\(rows, height"):
        Trajectories(images[..., 0], actions, ends)
    with pytest.raises(ValueError, match="shape and type"):
        Trajectories(images.byte(), actions, ends, images)
    with pytest.raises(ValueError, match="frame_stack"):
        Trajectories(images.byte(), actions, ends, frame_stack=0)
    with pytest.raises(ValueError, match="product"):
        Spec(12, 2, image=(2, 2, 2))
    np.savez(tmp_path / "data.npz", observations=images, actions=actions, terminals=np.array([0, 0, 0, 1]))
    with pytest.raises(DatasetError, match="images of float32, uint8"):
        load_npz(tmp_path / "data.npz")


# --- crops
def test_crops_are_the_references() -> None:
    arrays = golden("frames")
    assert torch.equal(crop(arrays["images"], arrays["offsets"]), arrays["crops"])


def test_a_crop_of_no_shift_is_the_identity_and_others_shift() -> None:
    images = pictures(3)
    assert torch.equal(crop(images, torch.full((3, 2), 3)), images)
    assert torch.equal(crop(images, torch.tensor([[2, 2]] * 3), padding=2), images)
    moved = crop(images, torch.tensor([[4, 3], [3, 1], [0, 6]]))
    assert torch.equal(moved[0, :-1], images[0, 1:])  # one row further down
    assert torch.equal(moved[0, -1], images[0, -1])  # and the last row again
    assert torch.equal(moved[1, :, 2:], images[1, :, :-2])
    assert torch.equal(moved[1, :, :2], images[1, :, :1].expand(-1, 2, -1))
    assert torch.equal(moved[2, 3:, 0], images[2, :2, 3])


def batch_of(images: torch.Tensor) -> Batch:
    zeros = torch.zeros(len(images))
    return Batch(images, zeros[:, None], images, zeros, zeros, images, images, images, images)


def test_one_transition_is_cropped_alike_everywhere() -> None:
    images = pictures(64)
    cropped = augment_batch(batch_of(images), 1.0, generator())
    for other in (cropped.next_observations, *cropped[5:9]):
        assert torch.equal(cropped.observations, other)
    assert cropped.observations.dtype == torch.uint8
    assert torch.equal(cropped.actions, torch.zeros(64, 1))
    offsets = torch.cartesian_prod(torch.arange(7), torch.arange(7))
    ways = torch.stack([crop(images, way.expand(64, 2)) for way in offsets])  # (49, B, H, W, C)
    fits = (ways == cropped.observations).flatten(2).all(-1)  # (49, B)
    assert bool((fits.sum(0) == 1).all())  # every picture is one of its 49 crops
    assert len(fits.int().argmax(0).unique()) > 25  # of 64 draws from 49, about 36 differ
    assert torch.equal(augment_batch(batch_of(images), 1.0, generator()).observations, cropped.observations)
    assert augment_batch(batch_of(images)._replace(subgoals=None), 1.0, generator()).subgoals is None


def test_a_batch_is_cropped_with_the_given_probability_or_not_at_all() -> None:
    batch, draws = batch_of(pictures(20)), generator()
    changed = [
        (augment_batch(batch, 0.3, draws).observations != batch.observations).flatten(1).any(1).double().mean()
        for _ in range(400)
    ]
    assert all(share == 0 or share > 0.7 for share in changed)  # 48 of 49 crops change a picture
    assert 0.23 < np.mean([share > 0 for share in changed]) < 0.37  # 3 standard errors
    before = draws.get_state()
    assert augment_batch(batch, 0.0, draws) is batch
    assert torch.equal(draws.get_state(), before)


def test_bad_augmentation() -> None:
    vectors = torch.zeros(4, 2)
    with pytest.raises(ValueError, match="these observations are \\(4, 2\\)"):
        augment_batch(batch_of(vectors), 0.5, generator())
    with pytest.raises(ValueError, match="probability"):
        augment_batch(batch_of(vectors), 1.5, generator())


# --- worlds
@pytest.mark.parametrize("layout", ["u-turn", "giant"])
def test_a_rendered_maze_shows_its_walls_and_where_the_agent_is(layout: str) -> None:
    world = PointMaze(layout, features="pixels")
    height, width = world.maze.walls.shape
    assert world.spec == Spec(height * width * 48, 2, image=(4 * height, 4 * width, 3))
    states = world.sample_states(1500, generator())  # more than are drawn at once
    images = world.observe(states)
    assert images.dtype == torch.uint8
    assert torch.equal(images[1400:1401], world.observe(states[1400:1401]))
    assert (world.states_of(images) - states).abs().max() < 0.02  # a cell is 4 wide
    walls = torch.from_numpy(world.maze.walls[::-1].copy()).repeat_interleave(4, 0).repeat_interleave(4, 1)
    expected = torch.where(walls[..., None], torch.tensor(WALL), torch.tensor(FLOOR))
    assert torch.equal(images.median(0).values, expected.byte())  # most states leave a pixel bare


def test_the_spot_is_symmetrical_about_a_cells_centre_and_drawn_upwards() -> None:
    world = GridMaze("u-turn", features="pixels")
    (image,) = world.observe(torch.tensor([[1, 2]]))
    blue = (image.float() - torch.tensor(FLOOR))[..., 0] / (AGENT[0] - FLOOR[0])
    spot = blue[12:16, 8:12]  # cell (1, 2) is in the fourth row of cells from the top
    weights = torch.tensor([0.25, 0.75, 0.75, 0.25])
    assert torch.allclose(spot, weights[:, None] * weights, atol=0.5 / 246)
    assert torch.equal(image[12:16, 12:16].unique(), torch.tensor(FLOOR, dtype=torch.uint8).unique())


def test_cells_are_found_again_in_their_pictures_and_data_are_pictures() -> None:
    world = GridMaze("medium", features="pixels")
    cells = torch.from_numpy(world.maze.free_cells)
    assert torch.equal(world.states_of(world.observe(cells)), cells)
    data = navigate(world, 3, 10, generator=generator())
    assert data.spec(world.spec.action_dim) == world.spec
    assert data.observations.shape == (33, *world.spec.image)


def test_a_policy_learns_from_rendered_mazes() -> None:
    """Behavioural cloning of a noisy expert; chance is a random policy, or being shown the wrong goal."""
    world, draws = PointMaze("u-turn", step_size=1.0, features="pixels", max_steps=60), generator()
    data = navigate(world, 200, 50, 0.3, draws)
    near = HindsightGoals(value_goals=(0.0, 1.0, 0.0), policy_geometric=True)
    agent = GCBC(policy_hidden_dims=(256,), encoder="impala_small", discount=0.9, goals=near)
    config = TrainingConfig(steps=500, batch_size=64, learning_rate=1.5e-3, final_learning_rate=1e-4)
    (policy,) = train(agent, data, config, progress=False).policies
    starts, goals, _ = world.task_states(20, draws)

    def success(policy: PolicyLike) -> float:
        return evaluate([policy], world, starts, goals, progress=False).success

    assert success(lambda s, g: world.sample_actions(len(s), draws)) < 0.05
    assert success(lambda s, g: policy(s, g.roll(20, 0))) < 0.15
    assert success(policy) > 0.3
