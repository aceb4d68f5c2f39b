"""The candidates of a base on a vLLM server: the command that serves them, and whether a server serves what it should.

vLLM serves a base and any number of LoRA adapters beside it, each as a model of its own name (its documentation: "LoRA
Adapters", `--lora-modules`). The adapters are served under the candidates' ids, so that a reply can always be traced
to a card.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
from pydantic import SecretStr

from instill.common.made_from import Caller
from instill.errors import GeneratorError, InstillError, UsageError, WorkspaceError
from instill.models.generators.adapter_settings import read_adapter_settings
from instill.models.generators.bounded_transport import BoundedTransport, Limits, RefusedReply
from instill.models.generators.endpoint_generator import EndpointGenerator
from instill.models.generators.protocol import Generator, Message
from instill.models.generators.socket_deadline import Clock
from instill.models.generators.whole_reply import whole_reply
from instill.models.registry.champions import Champions
from instill.models.registry.folder_check import ADAPTER
from instill.models.registry.store import Candidate, Registry
from instill.settings.location import expanded

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What `--max-lora-rank` may be."""

PROMPTS = (
    "Say in one sentence what you can help with.",
    "List three things that one checks before signing a contract.",
    "Write the numbers from one to ten as words, separated by commas.",
    "Explain in two sentences why the sky is blue.",
    "Translate into German: The meeting is on Tuesday at nine.",
)
AGREEMENT = 0.5
"""Share of the longer reply's characters that both begin with, as the median over the prompts. Other kernels round in
other ways, so that long replies part at some word; another model, or none of the adapter, parts at the first."""

_MODEL_TOKENS = 4000  # for the size of the list of models
_LIST_S = 20.0


@dataclass(frozen=True, slots=True)
class Module:
    """A candidate that is served. `folder` is that of the registry."""

    id: str
    folder: str
    rank: int
    is_champion: bool


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a server is to serve.

    Args:
        base: the name under which the base is served.
        folder: the base's.
        modules: the champion first.
        left_out: candidates of this base that vLLM cannot serve, each with the reason.
    """

    base: str
    folder: str
    modules: tuple[Module, ...]
    left_out: tuple[tuple[str, str], ...]

    @property
    def model(self) -> str:
        """What Instill asks for by default: the champion, else the base."""
        return self.modules[0].id if self.modules and self.modules[0].is_champion else self.base

    def command(self, *, host: str = "127.0.0.1", port: int = 8000) -> list[str]:
        """The command line, one argument an entry.

        Example:
            >>> Deployment("qwen", "/models/qwen", (Module("dates-1", "/kb/dates-1", 16, True),), ()).command()[-4:]
            ['--max-lora-rank', '16', '--lora-modules', 'dates-1=/kb/dates-1']
        """
        command = ["vllm", "serve", self.folder, "--served-model-name", self.base, "--host", host, "--port", str(port)]
        if self.modules:
            most = max(module.rank for module in self.modules)
            rank = next(each for each in RANKS if each >= most)
            command += ["--enable-lora", "--max-loras", str(len(self.modules)), "--max-lora-rank", str(rank)]
            command += ["--lora-modules", *(f"{module.id}={module.folder}" for module in self.modules)]
        return command

    def shown(self, *, host: str = "127.0.0.1", port: int = 8000) -> str:
        """The command line for a shell."""
        return shlex.join(self.command(host=host, port=port))


def planned(home: Path, *, base: str = "", candidates: Sequence[str] = ()) -> Deployment:
    """What a server for this workspace serves: a base with its champion and its other candidates.

    Args:
        home: a workspace's `.instill`.
        base: name or hash of the base, or the folder of one without candidates, which is served alone; "": the only
            one that there is.
        candidates: ids, or beginnings of ids; none: all that can be served. The champion is always among them.

    Raises:
        UsageError: there is no candidate, there are several bases, or a candidate that is named cannot be served.
        WorkspaceError: the base is not where it was.
    """
    registry = Registry(home)
    cards = [entry.card for entry in registry.entries() if entry.card is not None]
    named = [registry.get(each).card for each in candidates]
    hashes = {card.base.hash for card in named or cards if not base or base in (card.base.name, card.base.hash)}
    if not hashes:
        if base and (expanded(base) / "config.json").is_file():
            alone = expanded(base).resolve()
            return Deployment(alone.name, str(alone), (), ())
        remedy = (
            "See: instill models list"
            if cards
            else "To serve a base alone, name its folder: --base FOLDER. To train a candidate: instill train init, "
            "then instill train"
        )
        raise UsageError("There is no candidate to serve.", where=base or str(home), remedy=remedy)
    if len(hashes) > 1:
        names = sorted({f"{card.base.name} ({card.base.hash})" for card in named or cards})
        raise UsageError(
            "The candidates were made for several models.", where=", ".join(names), remedy="Name one: --base NAME"
        )
    [hash_] = hashes
    champion = Champions(registry).champion(hash_)
    of_base = [card for card in cards if card.base.hash == hash_]
    wanted = {card.id for card in named} | ({champion} if champion else set()) if named else {c.id for c in of_base}
    modules, left_out = [], []
    for id_ in sorted(wanted, key=lambda each: (each != champion, each)):
        try:
            modules.append(_module(registry.check(id_), is_champion=id_ == champion))
        except InstillError as error:
            if named and id_ in {card.id for card in named}:
                raise
            left_out.append((id_, error.what))
    card = next(card for card in of_base if card.id in wanted)
    folder = Path(card.base.folder)
    if not (folder / "config.json").is_file():
        raise WorkspaceError(
            "vLLM needs the base as a transformers folder, and it is no longer where the candidates were trained.",
            where=str(folder),
            remedy="Put the model there again. That of a GGUF file is unpacked anew by: instill train RECIPE --dry-run",
        )
    return Deployment(card.base.name, str(folder), tuple(modules), tuple(left_out))


def _module(candidate: Candidate, *, is_champion: bool) -> Module:
    if not (candidate.folder / ADAPTER).is_file():
        raise UsageError(
            "It has changed the weights themselves, so it is no adapter; export it and serve it as a model.",
            where=candidate.card.id,
            remedy=f"instill models export {candidate.card.id} FOLDER",
        )
    settings = read_adapter_settings(candidate.folder)
    if settings.get("use_dora"):
        raise UsageError(
            "It was trained with DoRA, which vLLM does not load; export it merged and serve it as a model.",
            where=candidate.card.id,
            remedy=f"instill models export {candidate.card.id} FOLDER",
        )
    rank = max([int(settings["r"]), *map(int, (settings.get("rank_pattern") or {}).values())])
    if rank > RANKS[-1]:
        raise UsageError(f"Its rank is {rank}, and vLLM takes {RANKS[-1]} at most.", where=candidate.card.id)
    return Module(candidate.card.id, str(candidate.folder), rank, is_champion)


# -- a server that runs ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `wrong` is a sentence, "" where it is as it should be."""

    name: str
    what: str
    wrong: str = ""


def checked(
    deployment: Deployment,
    base_url: str,
    api_key: SecretStr | None = None,
    *,
    local: Callable[[Module | None], Generator] | None = None,
    prompts: Sequence[str] = PROMPTS,
) -> list[Finding]:
    """Whether the server at `base_url` serves the deployment: its models, its adapters, and that they say the same.

    Args:
        local: opens the base (None) or a candidate on this machine, to compare what they say; None: that is left out.

    Raises:
        GeneratorError: the server does not answer, or not with a list of models.
    """
    served = served_models(base_url, api_key)
    findings = [_base_served(deployment, served)]
    findings += [_module_served(deployment, module, served) for module in deployment.modules]
    if local is not None:
        for finding, module in zip(list(findings), (None, *deployment.modules), strict=True):
            if not finding.wrong:
                findings.append(_compared(deployment, module, base_url, api_key, local, prompts))
    return findings


def served_models(base_url: str, api_key: SecretStr | None = None) -> dict[str, dict[str, Any]]:
    """What `GET /models` says of each model, by its name.

    Raises:
        GeneratorError: the server does not answer, or not with a list of models.
    """
    url = base_url.rstrip("/") + "/models"
    key = api_key.get_secret_value() if api_key is not None else ""
    transport = BoundedTransport(
        url, clock=Clock(monotonic() + _LIST_S), connect_s=5.0, limits=Limits.for_tokens(_MODEL_TOKENS)
    )
    try:
        with httpx.Client(transport=transport, timeout=_LIST_S, follow_redirects=False, trust_env=False) as client:
            reply = client.get(url, headers={"Authorization": f"Bearer {key}"} if key else {})
            body = reply.read()
    except RefusedReply as error:
        raise GeneratorError(str(error), where=base_url, remedy=error.remedy) from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise GeneratorError(
            "The server cannot be reached.",
            where=base_url,
            remedy="Start it with the command that `instill deploy vllm` prints, and wait until it says that it is up.",
        ) from error
    if reply.status_code in (401, 403):
        raise GeneratorError("The server refuses the key.", where=base_url, remedy="Set INSTILL_GENERATOR__API_KEY.")
    try:
        found = json.loads(body)["data"] if reply.status_code == 200 else None
        return {str(each["id"]): dict(each) for each in found or ()} if found is not None else _no_list(base_url)
    except (ValueError, KeyError, TypeError, RecursionError):
        return _no_list(base_url)


def _no_list(base_url: str) -> dict[str, dict[str, Any]]:
    raise GeneratorError(
        "The server gives no list of models.", where=base_url, remedy="Name the address that ends with /v1."
    )


def _base_served(deployment: Deployment, served: dict[str, dict[str, Any]]) -> Finding:
    if deployment.base not in served:
        return Finding(deployment.base, "base", f"The base is not served under this name; there are: {_names(served)}.")
    if parent := served[deployment.base].get("parent"):
        return Finding(deployment.base, "base", f"Under this name an adapter of {parent!s:.80} is served.")
    return Finding(deployment.base, "base")


def _module_served(deployment: Deployment, module: Module, served: dict[str, dict[str, Any]]) -> Finding:
    what = "champion" if module.is_champion else "candidate"
    found = served.get(module.id)
    if found is None:
        return Finding(module.id, what, "It is not served; start the server with --lora-modules as printed.")
    parent, root = found.get("parent"), found.get("root")
    if parent is not None and parent != deployment.base:
        return Finding(module.id, what, f"It is served on another base: {parent!s:.80}.")
    if isinstance(root, str) and Path(root).name != Path(module.folder).name:
        return Finding(module.id, what, f"Under this name another folder is served: {root[:120]}.")
    return Finding(module.id, what)


def _compared(
    deployment: Deployment,
    module: Module | None,
    base_url: str,
    api_key: SecretStr | None,
    local: Callable[[Module | None], Generator],
    prompts: Sequence[str],
) -> Finding:
    name = deployment.base if module is None else module.id
    there = EndpointGenerator(base_url, name, api_key=api_key)
    here = local(module)
    try:
        shares = [_agreement(_said(here, prompt), _said(there, prompt)) for prompt in prompts]
    finally:
        close = getattr(here, "close", None)
        if close is not None:
            close()
    median = sorted(shares)[len(shares) // 2]
    same = sum(share == 1 for share in shares)
    what = f"{same} of {len(shares)} replies are the same as here; half agree for {median:.0%} or more"
    wrong = "" if median >= AGREEMENT else "It says other things than here: another model or adapter is served."
    return Finding(name, what, wrong)


def _said(generator: Generator, prompt: str) -> str:
    messages: list[Message] = [{"role": "user", "content": prompt}]
    return whole_reply(generator, messages, max_tokens=40).strip()


def _agreement(one: str, other: str) -> float:
    """How much of the longer text both begin with.

    Example:
        >>> _agreement("red, blue", "red, blue"), _agreement("red, blue", "red,"), _agreement("", "x")
        (1.0, 0.4444444444444444, 0.0)
    """
    if one == other:
        return 1.0
    common = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return common / max(len(one), len(other))


def _names(served: dict[str, dict[str, Any]]) -> str:
    return ", ".join(sorted(served)[:8])[:300] or "none"


def model_for(caller: Caller, home: Path, model: str) -> str:
    """Which model an endpoint is asked for on behalf of a caller: the base, where `model` is a candidate that was made
    from documents which the caller may not see.

    Args:
        home: a workspace's `.instill`.
        model: `generator.model`.
    """
    registry = Registry(home)
    if caller.labels is None or model not in registry.ids():
        return model
    try:
        card = registry.get(model).card
    except WorkspaceError:
        return model
    return model if caller.sees(card.made_from) else card.base.name
