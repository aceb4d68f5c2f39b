"""MiniLM's weights as ONNX in float32, for Chroma's default encoder: `python bench/peers_export.py FROM TO`."""

from __future__ import annotations

import sys
from typing import Any

import torch
from transformers import BertModel


class States(torch.nn.Module):  # type: ignore[misc]
    """The states `(texts, tokens, dimension)` of the last layer."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        model = BertModel.from_pretrained(
            folder, add_pooling_layer=False, attn_implementation="eager", dtype=torch.float32
        )
        self.model = model.eval()

    def forward(self, ids: Any, mask: Any, types: Any) -> Any:
        return self.model(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state


def main() -> None:
    source, target = sys.argv[1:]
    names = ["input_ids", "attention_mask", "token_type_ids"]
    ids = torch.randint(1000, 2000, (2, 256))
    torch.onnx.export(
        States(source).eval(),
        (ids, torch.ones_like(ids), torch.zeros_like(ids)),
        target,
        input_names=names,
        output_names=["states"],
        dynamic_axes={name: {0: "texts"} for name in [*names, "states"]},
        dynamo=False,
        opset_version=17,
    )


if __name__ == "__main__":
    main()
