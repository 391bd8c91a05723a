"""Settings shared by all tests."""

import torch

torch.set_num_threads(1)  # results to the last bit depend on the number of threads; and machines are shared
