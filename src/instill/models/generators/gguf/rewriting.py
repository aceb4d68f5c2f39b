"""Writing a GGUF file anew with other numbers: in a kind that llama.cpp is faster with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from instill.common.extras import how_to_install
from instill.errors import MissingDependency


def requantised(source: Path, target: Path, kind: str = "Q8_0") -> None:
    """Write the model of `source` with every matrix as `kind`; vectors and metadata stay.

    8 bits in place of 4: no finer than the file was, but llama.cpp multiplies whole prompts by Q8_0 matrices with
    kernels that it has not got for Q4_1 (see docs/benchmarks.md), and what is rounded away is far below what 4 bits
    lost.

    Raises:
        MissingDependency: the package gguf is not installed.
    """
    gguf = need_gguf()
    from gguf import quants

    wanted = gguf.GGMLQuantizationType[kind]
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, str(reader.fields["general.architecture"].contents()))
    copy_metadata(reader, writer)
    for tensor in reader.tensors:
        if len(tensor.shape) == 1 or tensor.tensor_type == wanted:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        else:
            data = quants.quantize(quants.dequantize(tensor.data, tensor.tensor_type), wanted)
            writer.add_tensor(tensor.name, data, raw_dtype=wanted)
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{kind}"])
    finish(writer)


def need_gguf() -> Any:
    """The package gguf.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        import gguf
    except ImportError as error:
        raise MissingDependency(
            "Writing a GGUF file needs the package gguf.", where="gguf", remedy=how_to_install("local")
        ) from error
    return gguf


def copy_metadata(reader: Any, writer: Any) -> None:
    """All values of one file into another; the architecture is there already."""
    import gguf

    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in ("general.architecture", "general.file_type"):
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=inner)


def finish(writer: Any) -> None:
    """Write what was gathered, and close the file."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
