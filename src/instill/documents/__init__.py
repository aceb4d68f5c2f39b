"""From a path, an address or stdin to canonical text and passages. The public face:

`sources.find_sources(paths, *, base: Path, exclude: Sequence[str]) -> Iterator[Source | SourceProblem]`
    What the paths, globs and addresses name, in a fixed order, each once. `from_stdin(name, data) -> Source`.
`sources.Source`: `source`, `name`, `path`, `size`, `modified`, `load(settings) -> Loaded`
    (`data`, `content_type`, `modified`).
`sources.SourceProblem`: `source`, `error` (a `DocumentError`).
`reading.read(data, *, name, settings, content_type="", kind="") -> tuple[str, Parsed]`
    Format family and canonical text; a `DocumentError` for whatever cannot be read.
`reader_process.ReaderPool(settings, workers=1, silence_s=120).read(data, *, name, content_type, kind)`
    The same in processes that may hang or crash without harm; a context manager, safe for threads.
`splitting.passages.split(parsed, *, kind, tokenizer, passage_tokens) -> list[Passage]`, `SPLITTER_VERSION` beside it
    Passages with exact offsets.
`document`: `Document`, `Parsed`, `Passage` and their parts.
"""
