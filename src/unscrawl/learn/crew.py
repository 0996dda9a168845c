"""The processes that train one network together; one alone is the usual crew.

    torchrun --nproc-per-node 2 -m unscrawl train mnist --recipe best

Accelerate finds the device of each process and joins them (gloo on processors, NCCL on graphics cards).
It was chosen over Lightning Fabric, whose import takes 1.4 s instead of 0.1 s at the same cost a step.
"""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor, nn

from unscrawl.errors import OptionError
from unscrawl.learn.device import choose

__all__ = ["Crew"]


class Crew:
    """How many processes there are, which of them this is, and where it computes."""

    def __init__(self, device: str = "auto") -> None:
        """Join the processes that torchrun or `accelerate launch` started, or be alone.

        Raises:
            OptionError: no such device, or Accelerate is not installed where it is needed.
        """
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = 0
        self.device = choose(device)
        self._accelerator: Any = None
        if self.size > 1:
            try:
                from accelerate import Accelerator
            except ImportError as error:
                raise OptionError("several processes need the package accelerate") from error
            self._accelerator = Accelerator(cpu=self.device.type == "cpu")
            self.rank, self.device = self._accelerator.process_index, self._accelerator.device

    @property
    def leads(self) -> bool:
        """True in the one process that writes files and shows progress."""
        return self.rank == 0

    def join(self, net: nn.Module) -> nn.Module:
        """Return `net` such that its gradients are the mean over all processes."""
        if self._accelerator is None:
            return net
        joined: nn.Module = self._accelerator.prepare_model(net)
        return joined

    def share(self, batch: Tensor) -> Tensor:
        """Return this process's part of a batch of indices: all parts have the same size."""
        return batch[: len(batch) // self.size * self.size][self.rank :: self.size]

    def total(self, values: Tensor) -> Tensor:
        """Return the sum of `values` over all processes."""
        if self._accelerator is None:
            return values
        summed: Tensor = self._accelerator.reduce(values, reduction="sum")
        return summed

    def wait(self) -> None:
        """Go on when every process has come here."""
        if self._accelerator is not None:
            self._accelerator.wait_for_everyone()

    def part(self) -> None:
        """Leave the others; nothing may be shared afterwards."""
        if self._accelerator is not None and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
