"""The shape of a problem: all that an agent needs to know in order to build its networks."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Spec:
    """Sizes of what an agent sees and does.

    Goals have the shape of observations: a goal is an observation to be reached.

    Raises:
        ValueError: for a size below 1, or an image of another size than `observation_dim`.
    """

    observation_dim: int  # numbers in one observation (and in one goal)
    action_dim: int  # numbers in one continuous action, or how many discrete actions there are
    discrete: bool = False  # True: actions are integers 0 .. action_dim - 1
    image: tuple[int, int, int] | None = None  # height, width, channels (of all stacked frames) of pixel observations

    def __post_init__(self) -> None:
        if self.observation_dim < 1 or self.action_dim < 1:
            raise ValueError(f"a Spec needs at least one observation and one action dimension, got {self}")
        if self.image is not None and (len(self.image) != 3 or math.prod(self.image) != self.observation_dim):
            raise ValueError(
                f"image must be (height, width, channels) whose product is observation_dim={self.observation_dim}, "
                f"got {self.image}"
            )
