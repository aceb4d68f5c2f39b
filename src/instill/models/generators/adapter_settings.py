"""The settings file of an adapter: every key is one that is understood, or it is refused. Imports no PEFT.

The file says which layers are replaced and by what, so it is a program of a kind: `target_modules = ".*"` puts an
adapter onto everything, and other keys load more weights or rename what is there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from instill.common.untrusted_files import read_small_json
from instill.errors import WorkspaceError

ADAPTER_CONFIG = "adapter_config.json"
MEANT = ("r", "lora_alpha", "lora_dropout", "target_modules", "layers_to_transform", "use_dora", "use_rslora")
"""The settings that are taken over."""

_MOST_BYTES = 1_000_000
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]{0,199}")


def _is_number(value: Any, low: float, high: float) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and low <= value <= high


def _is_list(value: Any, of: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and 0 < len(value) <= 10_000 and all(of(each) for each in value)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= 4096)


_CHECKS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "r": (lambda value: type(value) is int and 0 < value <= 4096, "a whole number from 1 to 4096"),
    "lora_alpha": (lambda value: _is_number(value, 0, 1e6), "a number from 0 to 1,000,000"),
    "lora_dropout": (lambda value: _is_number(value, 0, 1), "a number from 0 to 1"),
    "target_modules": (
        lambda value: _is_list(value, lambda each: isinstance(each, str) and _NAME.fullmatch(each) is not None),
        "a list of modules' names; a pattern is not taken",
    ),
    "layers_to_transform": (
        lambda value: value is None or _is_list(value, lambda each: type(each) is int and 0 <= each < 100_000),
        "a list of layers' numbers",
    ),
    "use_dora": (_is_bool, "true or false"),
    "use_rslora": (_is_bool, "true or false"),
    "peft_type": (lambda value: value == "LORA", '"LORA"'),
    "task_type": (lambda value: value in ("CAUSAL_LM", None), '"CAUSAL_LM"'),
    "inference_mode": (_is_bool, "true or false"),
    "base_model_name_or_path": (_is_text, "a text"),
    "revision": (_is_text, "a text"),
    "peft_version": (_is_text, "a text"),
}

_WITHOUT_EFFECT: Mapping[str, Any] = {
    **dict.fromkeys([
        "auto_mapping", "exclude_modules", "modules_to_save", "layers_pattern", "rank_pattern", "alpha_pattern",
        "megatron_config", "trainable_token_indices", "loftq_config", "eva_config", "corda_config", "lora_ga_config",
        "velora_config", "alora_invocation_tokens", "monteclora_config", "layer_replication", "target_parameters",
        "use_bdlora", "arrow_config", "kasa_config", "fan_in_fan_out", "use_qalora", "lora_bias",
        "ensure_weight_tying", "runtime_config",
    ]),
    "bias": "none", "init_lora_weights": True, "megatron_core": "megatron.core", "qalora_group_size": 16,
}  # fmt: skip
"""Keys that PEFT writes besides, with the value under which each does nothing (so do null, false and empty ones)."""


def read_adapter_settings(folder: Path) -> dict[str, Any]:
    """The settings in a candidate's folder that are taken over, each checked.

    Raises:
        WorkspaceError: they cannot be read, a key is not known, or a value asks for something else than LoRA or DoRA
            on named modules.
    """
    file = folder / ADAPTER_CONFIG
    try:
        found = read_small_json(file, _MOST_BYTES)
    except (OSError, ValueError) as error:
        raise _refused(f"cannot be read: {error}", file) from error
    if not isinstance(found, dict):
        raise _refused("is not the settings of an adapter", file)
    for key, value in found.items():
        if key in _CHECKS:
            right, said = _CHECKS[key]
            if not right(value):
                raise _refused(f"has a {key} that is not {said}", file)
        elif key not in _WITHOUT_EFFECT:
            raise _refused(f"has the unknown key {key[:60]!r}", file)
        elif value != _WITHOUT_EFFECT[key] and value not in (None, False, [], {}):
            raise _refused(f"asks for {key}, which is not supported", file)
    missing = {"r", "peft_type", "target_modules"} - found.keys()
    if missing:
        raise _refused(f"lacks {', '.join(sorted(missing))}", file)
    return {key: found[key] for key in MEANT if key in found}


def only_known(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that are understood here, of settings that a newer PEFT may have written more of.

    Example:
        >>> only_known({"r": 8, "of_tomorrow": None})
        {'r': 8}
    """
    return {key: value for key, value in settings.items() if key in _CHECKS or key in _WITHOUT_EFFECT}


def _refused(why: str, place: Path) -> WorkspaceError:
    return WorkspaceError(
        f"The candidate is refused: {place.name} {why}.",
        where=str(place),
        remedy="Train it again from its recipe, or remove its folder.",
    )
