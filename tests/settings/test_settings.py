"""Settings: the file, the variables, and what is said about mistakes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from instill.errors import UsageError
from instill.models.generators.named_model import with_named_model
from instill.models.weights import micro_folder
from instill.settings import Settings, default_toml, load_settings
from instill.train.generator.recipes.base import found_base


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "instill.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_commented_defaults_are_the_defaults(tmp_path: Path) -> None:
    text = default_toml()
    assert load_settings(written(tmp_path, text)) == Settings()
    uncommented = "\n".join(line[2:] if line.startswith("# ") and " = " in line else line for line in text.splitlines())
    values = tomllib.loads(uncommented)
    assert load_settings(written(tmp_path, uncommented)) == Settings()
    assert set(values) == set(Settings.model_fields)


def test_a_section_that_stands_twice_and_a_wrong_variable_are_told_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError) as twice:
        load_settings(written(tmp_path, "[search]\npool = 50\n\n[search]\nrerank = 0.2\n"))
    assert twice.value.what == "The section [search] stands twice in the settings file."
    assert twice.value.where.endswith("instill.toml: line 4")
    assert twice.value.remedy == "Put the values of both into one of them."
    monkeypatch.setenv("INSTILL_SEARCH__POOL", "many")
    with pytest.raises(UsageError) as wrong:
        load_settings(written(tmp_path, "[search]\nrerank = 0.2\n"))
    assert wrong.value.where == "INSTILL_SEARCH__POOL: search.pool"


def test_variables_win_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, "[search]\nvector_weight = 0.5\npool = 50\n")
    monkeypatch.setenv("INSTILL_SEARCH__VECTOR_WEIGHT", "0.7")
    settings = load_settings(file)
    assert (settings.search.vector_weight, settings.search.pool) == (0.7, 50)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[search]\nvector_weihgt = 0.5\n", "search.vector_weight"),
        ("[serach]\npool = 50\n", "search"),
        ("[search]\nvector_weight = 7\n", "must be 1 or less"),
        ("[search\n", "TOML"),
    ],
)
def test_mistakes_in_the_file_are_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_settings(written(tmp_path, text))
    assert named in str(caught.value)


def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTILL_SEARCH__POOOL", "10")
    with pytest.raises(UsageError, match="INSTILL_SEARCH__POOL"):
        load_settings(None)


def test_the_api_key_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTILL_GENERATOR__API_KEY", "sk-secret")
    settings = load_settings(None)
    assert "sk-secret" not in repr(settings)
    assert settings.generator.api_key.get_secret_value() == "sk-secret"


@pytest.mark.parametrize("kind", ["pinecone", "weaviate"])
def test_the_key_of_a_hosted_store_is_not_read_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    file = written(tmp_path, f'[store]\nkind = "{kind}"\nkey = "pcsk-secret"\n')
    with pytest.raises(UsageError, match=r"not read from a file.*store\.key") as caught:
        load_settings(file)
    assert "pcsk-secret" not in str(caught.value)
    file = written(tmp_path, '[store]\nkind = "pinecone"\nkey_variable = "PINE"\n')
    with pytest.raises(UsageError, match="PINE is not set"):
        load_settings(file).store.secret()
    monkeypatch.setenv("PINE", " pcsk-secret\n")
    assert load_settings(file).store.secret() == "pcsk-secret"
    monkeypatch.setenv("INSTILL_STORE__KEY", "pcsk-other")  # wins over the named one
    assert load_settings(file).store.secret() == "pcsk-other"
    for name in ("A-B", "1A", "A B", "$A", "é"):
        with pytest.raises(UsageError, match="key_variable"):
            load_settings(written(tmp_path, f'[store]\nkey_variable = "{name}"\n'))


@pytest.mark.parametrize(
    ("section", "folder", "gguf"),
    [
        ('folder = "micro"', str(micro_folder()), ""),
        ('gguf = "micro"', str(micro_folder()), ""),
        ('folder = "smollm2"', "", "smollm2"),
        ('folder = "models/tiny.gguf"', "", "models/tiny.gguf"),
        ('folder = "./micro"', "./micro", ""),
        ('gguf = "smollm2"', "", "smollm2"),
    ],
)
def test_a_model_has_the_names_that_it_has_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str, folder: str, gguf: str
) -> None:
    chosen = with_named_model(load_settings(written(tmp_path, f"[generator]\n{section}\n"))).generator
    assert (chosen.folder, chosen.gguf) == (folder, gguf)
    key, _, value = section.partition(" = ")
    monkeypatch.setenv(f"INSTILL_GENERATOR__{key.upper()}", value.strip('"'))
    chosen = with_named_model(load_settings(written(tmp_path, ""))).generator
    assert (chosen.folder, chosen.gguf) == (folder, gguf)
    assert found_base(str(micro_folder())) == "micro"
