"""Random crops: images shifted by a few pixels, so that an encoder does not learn where exactly things lie."""

import torch
from torch import Tensor

from saw_edu.data.sampling import Batch

PADDING = 3  # pixels by which a crop may be shifted either way, as in OGBench


def crop(images: Tensor, offsets: Tensor, padding: int = PADDING) -> Tensor:
    """Pad each image with copies of its edge pixels and cut a window of the old size out of it.

    Args:
        images: (B, height, width, channels), of any type.
        offsets: (B, 2) the window's row and column in the padded image, 0 to 2 * padding; `padding` itself is the
            image unchanged.
        padding: pixels added on each side.

    Returns:
        (B, height, width, channels) of the same type.
    """
    num, height, width, channels = images.shape
    device, shifts = images.device, offsets - padding
    # a pixel beyond the edge is a copy of the edge's: clamping its place needs no padded image
    rows = (torch.arange(height, device=device) + shifts[:, :1]).clamp(0, height - 1)  # (B, H)
    columns = (torch.arange(width, device=device) + shifts[:, 1:]).clamp(0, width - 1)  # (B, W)
    rows = rows + height * torch.arange(num, device=device)[:, None]  # among the rows of all images
    pixels = width * rows[:, :, None] + columns[:, None, :]  # (B, H, W)
    return images.reshape(-1, channels).index_select(0, pixels.flatten()).view(images.shape)


def augment_batch(batch: Batch, probability: float, generator: torch.Generator, padding: int = PADDING) -> Batch:
    """With this probability, a random crop of all images of a batch; else the batch as it is.

    One draw decides for the whole batch. Each transition has its own offsets, the same for everything in it:
    observation, next observation, goals, subgoal and waypoint. At probability 0 nothing is drawn. There is no wait for
    the device: where the draw says no, all offsets are those of the image unchanged.

    Raises:
        ValueError: for a probability outside [0, 1], padding below 1, or observations that are no images.

    Source: OGBench's `GCDataset.augment` (Park et al., ICLR 2025), after DrQ (Yarats et al., ICLR 2021).
    """
    if not 0 <= probability <= 1 or padding < 1:
        raise ValueError(f"need a probability in [0, 1] and padding of at least 1, got {probability} and {padding}")
    if probability == 0:
        return batch
    images = batch.observations
    if images.ndim != 4:
        raise ValueError(
            f"random crops need images (B, height, width, channels), these observations are {tuple(images.shape)}: "
            "set the augmentation to 0"
        )
    device = images.device
    offsets = torch.randint(0, 2 * padding + 1, (len(images), 2), generator=generator, device=device)
    chosen = torch.rand((), generator=generator, device=device) < probability
    offsets = torch.where(chosen, offsets, padding)
    cropped = {
        name: crop(value, offsets, padding)
        for name, value in batch._asdict().items()
        if value is not None and value.ndim == 4
    }
    return batch._replace(**cropped)
