"""How rejects of a table are written: in its own columns, as they stood."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..terminal.delimited import guard
from .import_rejects import Reason, TableForm
from .mapping import Layout
from .table_records import cell_of
from .table_text import Dialect


class RecordForm(TableForm):
    """Rows of a table. One whose quotes are broken is written line by line, so that a person can
    put them right in what was written."""

    def __init__(self, plan: Layout, dialect: Dialect) -> None:
        self._dialect = dialect
        self._columns = {plan.titles[column.place]: column for column in plan.columns}
        super().__init__(
            plan.titles,
            dialect.delimiter,
            cells=self._cells_of,
            written=self._cells_for,
            escaped=dialect.escaped,
        )

    def row(self, raw: bytes, reason: Reason) -> bytes:
        if b"\n" in raw and reason.code == "broken_quotes":
            lines = enumerate(raw.split(b"\n"), reason.line or 1)
            rows = (TableForm.row(self, line, reason._replace(line=at)) for at, line in lines)
            return b"\n".join(rows)
        return super().row(raw, reason)

    def _cells_of(self, raw: bytes) -> list[str]:
        return self._dialect.cells(raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00"))

    def _cells_for(self, request: Mapping[str, Any], names: Sequence[str]) -> list[str]:
        """Cells of a request that Fullstory gave back, as the columns would have had them."""
        cells = []
        for name in names:
            column = self._columns.get(name)
            value = None if column is None else cell_of(column, request)
            if isinstance(value, str) and column is not None and column.type != "json":
                cells.append(value if self._dialect.escaped else guard(value))
            else:
                cells.append("" if value is None else json.dumps(value, ensure_ascii=False))
        return cells
