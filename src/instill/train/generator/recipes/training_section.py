"""How a language model is trained, apart from what on. Imports nothing heavy."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Hyperparameters(BaseModel):
    """The loop. Epochs, batch_size, learning_rate and micro_tokens, left out, go by the rows and the model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(3, ge=1, description="How often each row is seen; unset: for 60 steps, 3 to 30.")
    steps: int = Field(0, ge=0, description="Most steps; 0: as many as the epochs have.")
    learning_rate: float = Field(2e-4, gt=0, le=1, description="The peak; unset: by method and width of the model.")
    batch_size: int = Field(16, ge=1, description="Rows of a step, on all processes; unset: 8 or 16.")
    micro_tokens: int = Field(8192, ge=64, description="Most tokens at one time; unset: 8192, or fewer by vocabulary.")
    packing: bool = Field(True, description="Put several rows end to end; none sees another.")
    pack_width: int = Field(512, ge=64, description="Tokens of a packed row; a longer row has one of its own.")
    warmup: float = Field(0.05, ge=0, le=1, description="Share of the steps over which the rate rises.")
    weight_decay: float = Field(0.01, ge=0)
    clip: float = Field(1.0, gt=0, description="Largest norm of a step's gradient.")
    precision: Literal["auto", "bf16", "fp32"] = Field("auto", description="auto: bf16 where the hardware has it.")
    seed: int = 0
