"""Typed settings: `instill.toml` in the workspace, overridden by `INSTILL_*` variables; unknown keys are refused.

A variable names section and key with two underscores between them: `INSTILL_GENERATOR__MODEL=qwen3`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from instill.common.durable_files import in_place_of
from instill.common.toml_files import read_toml, toml_value
from instill.common.unknown_keys import did_you_mean, explained
from instill.errors import UsageError

SETTINGS_FILE = "instill.toml"
_ALL = "See docs/configuration.md for all settings."
KEYS_FROM_VARIABLES = frozenset({"weaviate", "pinecone"})
"""Stores whose key is never in a file: it opens an account, where anybody who has it can spend money."""
_OTHER_VARIABLES = frozenset({"INSTILL_CACHE_DIR", "INSTILL_WORKSPACE", "INSTILL_PROGRESS"})


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DocumentSettings(_Section):
    """What is read, and how much of it."""

    max_file_mb: float = Field(200, gt=0, description="Larger files are refused, with a reason.")
    max_text_mb: float = Field(50, gt=0, description="Maximum size of the text of one document.")
    max_seconds: float = Field(
        120, gt=0, description="Maximum time to read a file, and again to split it; each page read by OCR adds 10 s."
    )
    max_memory_mb: float = Field(2048, ge=256, description="Maximum memory for reading a file (Linux).")
    ocr: Literal["auto", "always", "never"] = Field("auto", description="auto: pages without a text layer, and images.")
    passage_tokens: int = Field(200, ge=32, le=8192, description="Maximum tokens of a passage, counted by the encoder.")
    estimated_from: int = Field(
        1000,
        ge=0,
        description="From this number of similar passages in a document, vectors may be estimated; 0: never.",
    )
    words_first_from: int = Field(
        4000,
        ge=0,
        description="From this number of new passages, they can be searched before all vectors are computed; 0: never.",
    )
    exclude: list[str] = Field(
        default=[".git/", ".instill/", "node_modules/", "__pycache__/", ".venv/", ".DS_Store"],
        description="gitignore patterns of what is skipped in folders.",
    )
    url_timeout_s: float = Field(30, gt=0)
    url_max_redirects: int = Field(5, ge=0)
    url_private: bool = Field(
        True, description="Fetch a private address that you name yourself; `serve` never fetches one for others."
    )
    url_allow: list[str] = Field(
        default=[], description="Private hosts, addresses or networks that may be fetched, also after a redirect."
    )


class EncoderSettings(_Section):
    """Which encoder makes the vectors."""

    model: str = Field("instill", description='"instill", "minilm", a folder, or "plugin:NAME".')
    precision: Literal["int8", "fp32"] = "int8"
    threads: int = Field(0, ge=0, description="0: one per core.")


class StoreSettings(_Section):
    """Where documents, passages and vectors are kept; moved with `instill store copy`."""

    kind: str = Field(
        "lance",
        pattern="^[a-z][a-z0-9_-]{0,40}$",
        description="lance, s3, postgres, qdrant, chroma, milvus, opensearch, weaviate, pinecone.",
    )
    url: str = Field(
        "", description='A server\'s address, without a password; "": in the workspace, where that is possible.'
    )
    key: SecretStr = Field(SecretStr(""), description="Password or API key; better set as INSTILL_STORE__KEY.")
    key_variable: str = Field(
        "",
        pattern="^([A-Za-z_][A-Za-z0-9_]*)?$",
        description="Name of an environment variable that has the password or API key.",
    )
    cache_gb: float = Field(
        20, ge=0, description="Maximum size of the copy on this machine of a table in a bucket; a larger one has none."
    )

    def secret(self) -> str:
        """The password or API key; "" where none is set.

        Raises:
            UsageError: the variable that `key_variable` names is not set.

        Example:
            >>> StoreSettings(key=SecretStr("k")).secret()
            'k'
        """
        given = self.key.get_secret_value()
        if given or not self.key_variable:
            return given
        found = os.environ.get(self.key_variable, "").strip()
        if not found:
            raise UsageError(
                f"The environment variable {self.key_variable} is not set; it has the key of the store.",
                where="store.key_variable",
                remedy=f"export {self.key_variable}=..., or name another variable.",
            )
        return found


class CatalogSettings(_Section):
    """Where conversations, the log of questions, followed paths, keys and jobs are kept."""

    url: str = Field("", description='"": a file in the workspace; else "postgresql://user@host/database".')
    key: SecretStr = Field(SecretStr(""), description="Password; better set as INSTILL_CATALOG__KEY.")
    name: str = Field(
        "instill",
        pattern="^[a-z][a-z0-9_]{0,40}$",
        description="Schema of this workspace in the database; workspaces that share a database need different ones.",
    )


class SqlSettings(_Section):
    """What a query of `instill sql` may take and give; more is refused."""

    max_rows: int = Field(100_000, ge=1, description="Rows of the result.")
    max_mb: float = Field(64, gt=0, description="Size of the result.")
    max_seconds: float = Field(30, gt=0)
    max_memory_mb: float = Field(
        2048, ge=256, description="Maximum memory for a query (of the whole process on Linux)."
    )


class SearchSettings(_Section):
    """How candidates are ranked."""

    fusion: Literal["zscore", "rrf"] = "zscore"
    vector_weight: float = Field(0.6, ge=0, le=1, description="Weight of the vector scores in the z-score sum.")
    pool: int = Field(100, ge=10, description="Number of candidates from each of the two searches.")
    rerank: float = Field(0.0, ge=0, le=1, description="Weight of the reader in the order of the first hits; 0: off.")


class AnswerSettings(_Section):
    """How answers are put together."""

    passages: int = Field(8, ge=1, description="Number of passages that an answer is made from.")
    reader: str = Field("shipped", description='"shipped", "off", or the folder of a reader that you trained.')
    sentences: int = Field(
        4, ge=1, description="Maximum number of pieces of a quoted answer; more than three are never shown."
    )
    threshold: float = Field(0.5, ge=0, le=1, description="Below this confidence, Instill refuses to answer.")


class GeneratorSettings(_Section):
    """An OpenAI-compatible endpoint, a GGUF file, a local transformers folder, or a plug-in; none by default."""

    base_url: str = Field("", description='E.g. "http://localhost:11434/v1". Empty: no endpoint.')
    model: str = Field("", description="The endpoint's model name.")
    api_key: SecretStr = Field(SecretStr(""), description="Better set as INSTILL_GENERATOR__API_KEY.")
    gguf: str = Field("", description='A .gguf file, or "smollm2" after: instill generator get smollm2')
    folder: str = Field("", description='A local transformers folder (safetensors only), or "micro".')
    plugin: str = Field("", description="A generator of an installed package; it may use base_url and model.")
    adapter: str = Field(
        "champion",
        description='Used with either: "champion", "memory" (consolidated facts), "none", a candidate\'s id, or a '
        "LoRA as .gguf file.",
    )
    context: int = Field(0, ge=0, le=1_000_000, description="Maximum tokens of prompt and reply; 0: up to 8192 (GGUF).")
    threads: int = Field(0, ge=0, le=1024, description="0: one per core (GGUF).")
    timeout_s: float = Field(60, gt=0, description="Maximum wait for the next part of the reply.")
    answer_s: float = Field(
        60, gt=0, description="Maximum time for a whole reply in `ask`; after it the documents are quoted instead."
    )
    max_tokens: int = Field(
        600, ge=16, description="Maximum tokens of a reply, thinking included; an answer about a fact is much shorter."
    )
    temperature: float = Field(0.0, ge=0, le=2)

    @property
    def is_set(self) -> bool:
        """Whether a generator is named.

        Example:
            >>> GeneratorSettings().is_set, GeneratorSettings(gguf="smollm2").is_set
            (False, True)
        """
        return bool(self.base_url or self.folder or self.gguf or self.plugin)


class PrivacySettings(_Section):
    """What is kept on this machine; nothing leaves it unless an endpoint is configured."""

    log_questions: bool = Field(True, description="Keep questions and answers in the workspace's catalog.")


class LogSettings(_Section):
    """What is kept of what was asked; `privacy.log_questions` switches off conversations too."""

    questions: bool = Field(True, description="Keep questions, shown answers and people's judgements of them.")
    uses: bool = Field(True, description="Keep which spans of documents served which answers, for `instill memory`.")


class MemorySettings(_Section):
    """Facts that people keep asking for, and answers that are shown again."""

    cache: bool = Field(
        False, description="Show an answer again; for other wordings too after: instill memory calibrate"
    )
    cache_entries: int = Field(2000, ge=1, le=100_000, description="Number of answers kept; the oldest go first.")
    half_life_days: float = Field(30, gt=0, description="After this time a use of a fact counts half.")
    threshold: float = Field(3.0, gt=0, description="A fact that is used this much is a candidate for weights.")
    stable_days: float = Field(7, ge=0, description="Its document must not have changed for this time.")
    idle_s: float = Field(30, gt=0, description="Seconds without a question after which `--when-idle` goes on.")


class ServerSettings(_Section):
    """`instill serve`: where it listens, and what a request may take."""

    host: str = Field("127.0.0.1", description="Where the service listens; access from other machines needs keys.")
    port: int = Field(8642, ge=0, le=65535, description="0: any free port.")
    requests_per_minute: int = Field(600, ge=1, description="Limit for one key, or for one address without a key.")
    visitor_per_minute: int = Field(20, ge=1, description="Limit for one visitor's address with a public key.")
    public_labels: list[str] = Field(default=["public"], description="Labels that public keys may carry.")
    max_body_mb: float = Field(4, gt=0, description="Maximum size of a request without documents.")
    max_upload_mb: float = Field(500, gt=0, description="Maximum size of a request with documents.")
    body_timeout_s: float = Field(30, gt=0, description="Maximum wait for the next bytes of a request.")
    answers_at_once: int = Field(
        0,
        ge=0,
        le=1000,
        description="Number of questions that are answered at the same time; others wait. 0: one a core, or 16 "
        "where an endpoint or a plug-in writes the answers.",
    )
    answers_waiting: int = Field(
        128, ge=0, le=1000, description="Number of questions that may wait for that; further ones are refused (503)."
    )
    answer_wait_s: float = Field(60, gt=0, le=3600, description="Maximum wait of a question, in seconds.")
    behind_proxy: bool = Field(False, description="Take the caller's address and scheme from a proxy on this machine.")
    session_hours: float = Field(12, gt=0, description="How long a login to the pages lasts.")
    metrics: bool = Field(False, description="Serve /metrics for Prometheus.")
    traces: str = Field(
        "", description="Address of an OpenTelemetry collector (OTLP over HTTP), which gets traces; needs [tracing]."
    )


class PriceSettings(_Section):
    """What answering and training cost, for comparisons; 0: nothing, or not known."""

    tokens_in: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="Price of 1,000 tokens that the generator reads."
    )
    tokens_out: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="Price of 1,000 tokens that the generator writes."
    )
    machine_hour: float = Field(0.0, ge=0, allow_inf_nan=False, description="Price of an hour of indexing or training.")
    currency: str = Field("EUR", description="As it is printed.")


class CompareSettings(_Section):
    """Comparisons of ways to answer."""

    acceptable_loss: float = Field(
        0.15,
        gt=0,
        lt=1,
        description="Share of right answers that choosing the recommended arm may cost at most; above it there is not "
        "enough evidence.",
    )
    arms: str = Field("", description="A file of more arms (TOML), relative to the workspace's folder.")


class PluginSettings(_Section):
    """Parts that installed packages bring."""

    off: list[str] = Field(default=[], description='What is not used: a package, or one of its parts: "readers.odt".')


class Settings(BaseSettings):
    """All settings. The object is frozen; to use other settings, open the workspace again.

    Example:
        >>> Settings().search.fusion
        'zscore'
    """

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="INSTILL_", env_nested_delimiter="__", case_sensitive=False
    )

    documents: DocumentSettings = DocumentSettings()
    encoder: EncoderSettings = EncoderSettings()
    store: StoreSettings = StoreSettings()
    catalog: CatalogSettings = CatalogSettings()
    search: SearchSettings = SearchSettings()
    sql: SqlSettings = SqlSettings()
    answer: AnswerSettings = AnswerSettings()
    generator: GeneratorSettings = GeneratorSettings()
    privacy: PrivacySettings = PrivacySettings()
    log: LogSettings = LogSettings()
    memory: MemorySettings = MemorySettings()
    server: ServerSettings = ServerSettings()
    prices: PriceSettings = PriceSettings()
    compare: CompareSettings = CompareSettings()
    plugins: PluginSettings = PluginSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables win over the file, whose values `load_settings` passes as arguments."""
        return env_settings, init_settings


def load_settings(path: Path | None) -> Settings:
    """The settings of the file at `path` (None: defaults) under the `INSTILL_*` variables.

    Raises:
        UsageError: the file is not TOML, or a key or value is not known; the message names the nearest known key.
    """
    values = {} if path is None else read_toml(path, "settings file")
    _refuse_unknown_variables()
    try:
        found = Settings(**values)
    except ValidationError as error:
        raise _explain(error, path) from error
    if found.store.kind in KEYS_FROM_VARIABLES and values.get("store", {}).get("key"):
        raise UsageError(
            f"The key of the store {found.store.kind!r} is not read from a file.",
            where=f"{path}: store.key",
            remedy='Delete the line, and set INSTILL_STORE__KEY, or store.key_variable = "NAME" of another variable.',
        )
    return found


def with_values(settings: Settings, values: Mapping[str, object]) -> Settings:
    """The settings with some values replaced, by their full names; checked like the file's.

    Raises:
        UsageError: a name or a value is not known.

    Example:
        >>> with_values(Settings(), {"search.vector_weight": 0.8}).search.vector_weight
        0.8
    """
    sections: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, _, key = name.partition(".")
        sections.setdefault(section, {})[key] = value
    changed: dict[str, _Section] = {}
    for section, keys in sections.items():
        now = getattr(settings, section, None)
        if not isinstance(now, _Section):
            raise UsageError(
                "This is not a setting.", where=section, remedy=did_you_mean(section, Settings.model_fields, _ALL)
            )
        try:
            checked = type(now)(**keys)
        except ValidationError as error:
            raise _explain(error, None, section) from error
        changed[section] = now.model_copy(update={key: getattr(checked, key) for key in keys})
    return settings.model_copy(update=changed)


def set_in_file(path: Path, section: str, values: Mapping[str, str]) -> None:
    """Set texts in a section of the file at `path`, and leave everything else in it as it is.

    Raises:
        UsageError: the file is not TOML, or cannot be changed without a person's help.
        OSError: it cannot be written.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "instill.toml"
        >>> _ = file.write_text('[store]\\n# kind = "lance"\\nkind = "chroma"\\n\\n[log]\\nquestions = false\\n')
        >>> set_in_file(file, "store", {"kind": "qdrant", "url": "http://localhost:6333"})
        >>> print(file.read_text())
        [store]
        kind = "qdrant"
        url = "http://localhost:6333"
        # kind = "lance"
        <BLANKLINE>
        [log]
        questions = false
        <BLANKLINE>
    """
    before = read_toml(path, "settings file")
    kept: list[str] = []
    inside = done = False
    new = [f"{key} = {toml_value(value)}" for key, value in values.items()]
    for line in path.read_text(encoding="utf-8").split("\n"):
        header = re.fullmatch(r"\s*\[\s*([\w.]+)\s*\]\s*(#.*)?", line)
        if header:
            inside = header[1] == section
            done = done or inside
        if inside and re.match(rf"\s*(?:{'|'.join(values)})\s*=", line):
            continue
        kept += [line, *new] if header and inside else [line]
    if not done:
        kept = [*kept, f"[{section}]", *new, ""]
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with in_place_of(path, draft):
        draft.write_text("\n".join(kept), encoding="utf-8")
        if read_toml(draft, "settings file") != {**before, section: {**before.get(section, {}), **values}}:
            raise UsageError(
                f"The section [{section}] cannot be changed without your help.",
                where=str(path),
                remedy=f"Write there: {'; '.join(new)}",
            )


def default_toml() -> str:
    """The default settings as a commented TOML file, every line switched off by a leading "# "."""
    lines = ["# Settings of this Instill workspace. Lines that start with '# ' show the defaults.", ""]
    for section, field in Settings.model_fields.items():
        model = type(field.default)
        lines += [f"[{section}]", f"# {(model.__doc__ or '').strip()}"]
        for key, entry in model.model_fields.items():
            value = getattr(field.default, key)
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
            remark = f"   # {entry.description}" if entry.description else ""
            lines.append(f"# {key} = {toml_value(value)}{remark}")
        lines.append("")
    return "\n".join(lines)


def _known_keys() -> list[str]:
    return [
        f"{section}.{key}"
        for section, field in Settings.model_fields.items()
        for key in type(field.default).model_fields
    ]


def _refuse_unknown_variables() -> None:
    known = {f"INSTILL_{key.replace('.', '__')}".upper() for key in _known_keys()}
    for variable in os.environ:
        name = variable.upper()
        if name.startswith("INSTILL_") and name not in known | _OTHER_VARIABLES:
            raise UsageError(
                "This environment variable is not a setting.", where=variable, remedy=did_you_mean(name, known, _ALL)
            )


def _explain(error: ValidationError, path: Path | None, *above: str) -> UsageError:
    place: object = path or "environment"
    if not above:
        variable = "INSTILL_" + "__".join(str(part) for part in error.errors()[0]["loc"]).upper()
        place = next((each for each in os.environ if each.upper() == variable), place)
    return explained(error, place, [*Settings.model_fields, *_known_keys()], _ALL, *above)
