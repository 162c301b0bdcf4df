"""A voice to serve in tests: a LoRA adapter of the starter model with weights that show, and its merged model."""

import shutil
import subprocess
import sys
from pathlib import Path

from style_tuner.config import STARTER_MODEL

_MAKE = """
import sys
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

base, adapter, merged = sys.argv[1:]
torch.manual_seed(1)
torch.set_num_threads(1)
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
settings = LoraConfig(r=12, lora_alpha=24, target_modules=["q_proj", "v_proj", "down_proj"], task_type="CAUSAL_LM")
tuned = get_peft_model(model, settings)
for name, weight in tuned.named_parameters():
    if "lora_B" in name:
        torch.nn.init.normal_(weight, std=0.1)
tuned.save_pretrained(adapter)
tuned.merge_and_unload().save_pretrained(merged)
"""


def make_voice(folder: Path) -> Path:
    """Return a folder like a training run's, with `adapter` and `merged` in it; made once for each `folder`."""
    if not folder.exists():
        adapter, merged = folder / "adapter", folder / "merged"
        subprocess.run([sys.executable, "-c", _MAKE, str(STARTER_MODEL), str(adapter), str(merged)], check=True)
        for file in STARTER_MODEL.iterdir():
            if file.is_file() and not (merged / file.name).exists():
                shutil.copy(file, merged)
    return folder
