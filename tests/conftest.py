"""One thread per process: the tests' models are tiny, and waiting threads would only take cores from each other."""

import torch

torch.set_num_threads(1)
