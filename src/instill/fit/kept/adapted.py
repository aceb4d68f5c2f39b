"""The settings of a workspace with what was learned from its documents: tuned values and a trained encoder.

What the user set in `instill.toml` or by a variable always wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from instill.common.made_from import OWNER, Caller
from instill.errors import WorkspaceError
from instill.fit.kept.own_encoder import OwnEncoder, own_for
from instill.fit.kept.tuned import Tuned, apply_tuned, is_set
from instill.index.generations import live_generation
from instill.settings import Settings


@dataclass(frozen=True, slots=True)
class Adapted:
    """Settings to be used.

    Args:
        own: the trained encoder that made the index, in use or overruled by the user's setting; None without one.
        tuned: the tuned values in use, or None.
        notices: what is not used any more and why, one sentence each.
    """

    settings: Settings
    own: OwnEncoder | None = None
    tuned: Tuned | None = None
    notices: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is in use, and the notices."""
        learned = [f"{part.summary} ({part.date[:10]})" for part in (self.own, self.tuned) if part is not None]
        return (*learned, *self.notices)


def adapted(home: Path, given: Settings, caller: Caller = OWNER) -> Adapted:
    """Put together what the user gave and what is kept in `home`, a workspace's `.instill`.

    Args:
        caller: for whom they are; tuned weights that were found on documents which the caller may not see are left out.

    Raises:
        WorkspaceError: the record of the trained encoder is damaged.
    """
    try:
        live = live_generation(home / "index")
    except WorkspaceError:  # It is told of where the index is opened.
        live = None
    if live is None:
        return Adapted(given)
    own = own_for(home, live.fingerprint)
    settings = given
    if own is not None and not is_set(given, "encoder.model"):
        model = given.encoder.model_copy(update={"model": str(own.folder(home))})
        settings = given.model_copy(update={"encoder": model})
    settings, tuned, notice = apply_tuned(home, settings, live.fingerprint, caller)
    return Adapted(settings, own, tuned, (notice,) if notice else ())
