"""Hand a run's settings and rows over to Axolotl or LLaMA-Factory: their configuration, and data in their formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml

from style_tuner.config import TrainingConfig, resolve_model
from style_tuner.dataset.formats import Example, load_splits
from style_tuner.errors import StorageError
from style_tuner.records import ChatExample
from style_tuner.tuning.schedule import Schedule, plan_schedule
from style_tuner.workspace import new_folder, write_json, write_jsonl, write_text

Trainer = Literal["axolotl", "llama-factory"]


def hand_over(config: TrainingConfig, dataset: str, to: Trainer, output: Path) -> Path:
    """Write the configuration and the rows to the new folder `output`; return the configuration's file.

    The rows are those that the run learns: the loss counts the last reply alone there too. Steps that the settings
    leave to the run are settled as it would, for unpacked rows.
    """
    if output.exists():
        raise StorageError(f"{output} exists and is not overwritten: name another folder, or move it away.")
    splits = load_splits(dataset, config.rows, config.seed)
    schedule = plan_schedule(config, len(splits.train))
    chats = all(isinstance(example, ChatExample) for example in splits.train)
    edges = ("", "") if chats else _edges(config)
    output.parent.mkdir(parents=True, exist_ok=True)
    folder = new_folder(output.parent, output.name)
    row: Callable[[Example, tuple[str, str]], dict[str, Any]] = _axolotl_row if to == "axolotl" else _factory_row
    parts: dict[str, Sequence[Example]] = {"train": splits.train, "validation": splits.validation}
    for name, examples in parts.items():
        write_jsonl(folder / f"{name}.jsonl", [row(example, edges) for example in examples])
    if to == "axolotl":
        values, name = axolotl_values(config, schedule, chats), "axolotl.yaml"
    else:
        values, name = factory_values(config, schedule, chats), "llama_factory.yaml"
        write_json(folder / "dataset_info.json", {part: _factory_dataset(part, chats) for part in parts})
    write_text(folder / name, yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
    return folder / name


def _edges(config: TrainingConfig) -> tuple[str, str]:
    """Return what plain text begins and ends with, as text, since these trainers add nothing to it."""
    from style_tuner.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(resolve_model(config.base_model))
    adds = tokenizer.bos_token_id is not None and tokenizer("a").input_ids[0] == tokenizer.bos_token_id
    return str(tokenizer.bos_token) if adds else "", str(tokenizer.eos_token)


def _axolotl_row(example: Example, edges: tuple[str, str]) -> dict[str, Any]:
    if isinstance(example, ChatExample):
        last = len(example.messages) - 1
        return {
            "messages": [
                {"role": message.role, "content": message.content, "train": number == last}
                for number, message in enumerate(example.messages)
            ]
        }
    prompt = edges[0] + example.prompt
    asked = [{"label": False, "text": prompt}] if prompt else []
    return {"segments": [*asked, {"label": True, "text": example.completion + edges[1]}]}


def _factory_row(example: Example, edges: tuple[str, str]) -> dict[str, Any]:
    if isinstance(example, ChatExample):
        return {"messages": [{"role": message.role, "content": message.content} for message in example.messages]}
    return {"prompt": edges[0] + example.prompt, "completion": example.completion + edges[1]}


def axolotl_values(config: TrainingConfig, schedule: Schedule, chats: bool) -> dict[str, Any]:
    """Return the configuration under Axolotl's keys (those of 0.19)."""
    kind: dict[str, Any] = {"type": "input_output"}
    if chats:
        kind = {
            "type": "chat_template",
            "field_messages": "messages",
            "message_property_mappings": {"role": "role", "content": "content"},
            "message_field_training": "train",
            "roles_to_train": [],
            "train_on_eos": "turn",
        }
    values = _shared_values(config, schedule) | {
        "base_model": resolve_model(config.base_model),
        "load_in_4bit": config.load_in_4bit,
        "load_in_8bit": config.load_in_8bit,
        "datasets": [{"path": "train.jsonl", "ds_type": "json", **kind}],
        "test_datasets": [{"path": "validation.jsonl", "ds_type": "json", "split": "train", **kind}],
        "sequence_len": config.max_seq_length,
        "sample_packing": config.packing,
        "eval_sample_packing": False,
        "micro_batch_size": config.per_device_batch_size,
        "num_epochs": config.num_epochs,
        "optimizer": config.optimizer,
        "lr_scheduler": config.lr_scheduler_type,
        "gradient_checkpointing": config.gradient_checkpointing,
        "bf16": {"bfloat16": True, "auto": "auto"}.get(config.wanted_dtype, False),
        "use_tensorboard": "tensorboard" in config.report_to,
    }
    if config.method == "lora":
        values |= {
            "adapter": "qlora" if config.load_in_4bit else "lora",
            "lora_r": config.lora_r,
            "lora_target_modules": list(config.lora_target_modules),
        }
    if config.attn_implementation != "auto" or config.packing:  # packed rows are kept apart by this kernel alone
        kernel = config.attn_implementation
        values["attn_implementation"] = "flash_attention_2" if kernel == "auto" else kernel
    if "wandb" in config.report_to:
        values |= {"wandb_project": "style-tuner", "wandb_name": config.run_name}
    return values


def _shared_values(config: TrainingConfig, schedule: Schedule) -> dict[str, Any]:
    """Return what both trainers call by the same names."""
    values: dict[str, Any] = {
        "gradient_accumulation_steps": config.gradient_accumulation_steps,
        "learning_rate": config.learning_rate,
        "warmup_steps": schedule.warmup_steps,
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_grad_norm,
        "fp16": config.wanted_dtype == "float16",
        "output_dir": config.output_dir,
        "save_steps": schedule.save_steps,
        "eval_steps": schedule.save_steps,
        "save_total_limit": config.save_total_limit,
        "load_best_model_at_end": True,
        "logging_steps": config.logging_steps,
        "seed": config.seed,
    }
    if config.method == "lora":
        values |= {"lora_alpha": config.lora_alpha, "lora_dropout": config.lora_dropout}
    if config.push_to_hub and config.hub_model_id:
        values |= {"hub_model_id": config.hub_model_id, "hub_strategy": config.hub_strategy}
    return values


def factory_values(config: TrainingConfig, schedule: Schedule, chats: bool) -> dict[str, Any]:
    """Return the configuration under LLaMA-Factory's keys (those of 0.9.5); chats take the tokenizer's own template."""
    values = _shared_values(config, schedule) | {
        "model_name_or_path": resolve_model(config.base_model),
        "stage": "sft",
        "do_train": True,
        "finetuning_type": config.method,
        "dataset_dir": ".",
        "dataset": "train",
        "eval_dataset": "validation",
        "mask_history": True,
        "cutoff_len": config.max_seq_length,
        "packing": config.packing,
        "neat_packing": config.packing,
        "per_device_train_batch_size": config.per_device_batch_size,
        "per_device_eval_batch_size": config.per_device_batch_size,
        "num_train_epochs": config.num_epochs,
        "optim": config.optimizer,
        "lr_scheduler_type": config.lr_scheduler_type,
        "disable_gradient_checkpointing": not config.gradient_checkpointing,
        "bf16": config.wanted_dtype in ("bfloat16", "auto"),
        "eval_strategy": "steps",
        "report_to": list(config.report_to) or "none",
    }
    if not chats:
        values["template"] = "empty"
    if config.method == "lora":
        values |= {"lora_rank": config.lora_r, "lora_target": ",".join(config.lora_target_modules)}
    if config.load_in_4bit or config.load_in_8bit:
        values |= {"quantization_method": "bnb", "quantization_bit": 4 if config.load_in_4bit else 8}
    if config.load_in_4bit:
        values |= {
            "quantization_type": config.bnb_4bit_quant_type,
            "double_quantization": config.bnb_4bit_use_double_quant,
        }
    if config.run_name:
        values["run_name"] = config.run_name
    if config.push_to_hub and config.hub_model_id:
        values |= {"push_to_hub": True, "hub_private_repo": config.hub_private_repo}
    return values


def _factory_dataset(part: str, chats: bool) -> dict[str, Any]:
    if not chats:
        return {
            "file_name": f"{part}.jsonl",
            "formatting": "alpaca",
            "columns": {"prompt": "prompt", "response": "completion"},
        }
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    return {
        "file_name": f"{part}.jsonl",
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {**tags, "system_tag": "system"},
    }
