"""A query's result is bounded in rows and bytes and read as a stream; odd types are shown or refused in plain words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from instill.errors import UsageError
from instill.index.sql_limits import SqlLimits
from instill.index.sql_values import plain_rows
from instill.index.store import Index
from tests.index.index_builders import document, open_index


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    made = open_index(tmp_path_factory.mktemp("sql") / "index")
    made.commit([document(1, ["alpha"])])
    return made


SMALL = SqlLimits(max_rows=5000, max_mb=1, max_seconds=20)


@pytest.mark.parametrize(
    ("query", "reason", "setting"),
    [
        ("select * from range(300000000)", "more than 5,000 rows", "max_rows"),
        ("select a.range from range(100000) a, range(100000) b", "more than 5,000 rows", "max_rows"),
        ("select repeat('x', 1000) from range(4000)", "larger than 1 MB", "max_mb"),
        ("select range(1000) from range(4000)", "larger than 1 MB", "max_mb"),
        ("select sum(a.range * b.range) from range(1000000000) a, range(1000000) b", "longer than", "max_seconds"),
        ("select a.range from range(300000000) a, range(3000000) b where a.range * b.range = -7", "longer than",
         "max_seconds"),
    ],
)  # fmt: skip
def test_what_is_too_large_or_too_slow_is_refused(index: Index, query: str, reason: str, setting: str) -> None:
    limits = SMALL if setting != "max_seconds" else SqlLimits(max_seconds=0.3)
    with pytest.raises(UsageError, match=reason) as error:
        index.sql(query, limits=limits)
    assert f"{setting} under [sql]" in error.value.remedy


def test_what_is_just_within_the_limits_is_whole(index: Index) -> None:
    assert index.sql("select * from range(5000)", limits=SMALL)["range"].to_pylist() == list(range(5000))
    assert index.sql("select 1 as a where false", limits=SMALL).to_pylist() == []
    assert index.sql("select 1 as a where false", limits=SMALL).column_names == ["a"]


def test_odd_types_are_shown_or_refused_by_name(index: Index) -> None:
    table = index.sql("select * from test_all_types()")
    with pytest.raises(UsageError, match="cannot be shown") as error:
        plain_rows(table)
    assert error.value.where in table.column_names
    assert "::varchar" in error.value.remedy
    shown, refused = 0, []
    for name in table.column_names:
        try:
            json.dumps(plain_rows(table.select([name])), default=str, allow_nan=False)
            shown += 1
        except UsageError as told:
            refused.append(told.where)
    assert shown > 40
    assert {"date", "timestamp"} <= set(refused)
    as_text = plain_rows(index.sql(f'select "{refused[0]}"::varchar as a from test_all_types()'))
    assert all(row["a"] is None or isinstance(row["a"], str) for row in as_text)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted by Linux")
def test_a_single_value_cannot_take_all_memory(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from instill.index.store import Index\n"
        "from instill.index.sql_limits import SqlLimits, memory_bounded; from instill.errors import UsageError\n"
        "from tests.index.index_builders import open_index\n"
        "index = open_index(Path(sys.argv[1]) / 'index')\n"
        "for query in sys.argv[2:]:\n"
        "    try:\n"
        "        with memory_bounded(512): index.sql(query, limits=SqlLimits(max_memory_mb=512))\n"
        "    except UsageError as error: print(' '.join(str(error).split()))\n"
        # Not ru_maxrss: it keeps what the process that started this one had before the program was loaded.
        "status = Path('/proc/self/status').read_text()\n"
        "print(int(status.partition('VmHWM:')[2].split()[0]) // 1024)\n"
    )
    queries = ["select range(400000000)", "select repeat('x', 2000000000)"]
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), *queries], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    *said, peak = done.stdout.strip().split("\n")
    assert len(said) == len(queries), said
    assert all("max_memory_mb under [sql]" in line for line in said), said
    assert int(peak) < 1500
