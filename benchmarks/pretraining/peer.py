"""`transformers` and its Trainer, with nothing switched on that takes time."""

from pathlib import Path
from typing import Any

from transformers import BertConfig as HuggingFaceConfig
from transformers import TrainingArguments

from spacy_bert.checkpoint.names import CONFIG_KEYS
from spacy_bert.model import BertConfig


def to_hugging_face_config(bert: BertConfig) -> HuggingFaceConfig:
    return HuggingFaceConfig(
        **{theirs: getattr(bert, ours) for ours, theirs in CONFIG_KEYS.items()}
    )


def make_arguments(output: Path, **settings: Any) -> TrainingArguments:
    """No logs, saves, evaluations or progress bar; the fused AdamW, as ours."""
    return TrainingArguments(
        output_dir=str(output),
        use_cpu=True,
        optim="adamw_torch_fused",
        weight_decay=0.01,
        logging_strategy="no",
        logging_nan_inf_filter=False,
        save_strategy="no",
        eval_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        **settings,
    )
