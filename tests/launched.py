"""`python -m style_tuner` as `accelerate launch` starts it, in a setting that this machine does not have by itself.

`fsdp` parts the model on CPUs, which PyTorch can and accelerate 1.15 offers for GPUs alone; `full` refuses memory to
the second process for more than so many tokens at a time.
"""

import os
import runpy
import sys


def part_on_cpus() -> None:
    from accelerate.state import AcceleratorState, DistributedType

    made = AcceleratorState.__init__

    def init(self, *arguments, fsdp_plugin=None, **more):
        made(self, *arguments, fsdp_plugin=fsdp_plugin, **more)
        if fsdp_plugin is not None:
            self.fsdp_plugin = fsdp_plugin
        if self.__dict__.get("fsdp_plugin") is not None:
            self.distributed_type = DistributedType.FSDP

    AcceleratorState.__init__ = init


def refuse_memory(most: int) -> None:
    import torch

    embedding = torch.nn.functional.embedding

    def refusing(ids, *arguments, **more):
        if ids.ndim == 2 and ids.numel() > most and torch.is_grad_enabled():
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return embedding(ids, *arguments, **more)

    torch.nn.functional.embedding = refusing


if sys.argv[1] == "fsdp":
    part_on_cpus()
elif os.environ["RANK"] == "1":
    refuse_memory(int(sys.argv[2]))
sys.argv = ["style_tuner", *sys.argv[3:]]
runpy.run_module("style_tuner", run_name="__main__", alter_sys=True)
