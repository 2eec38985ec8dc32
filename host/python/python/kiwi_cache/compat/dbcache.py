"""Tables of a database, as kiwi-cache's ``SQLAlchemyResource`` reads them."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import attr
from sqlalchemy import column, select, table

from .base import KiwiCache


@attr.s(eq=False, repr=False)
class SQLAlchemyResource(KiwiCache):
    """Selected columns of a table, or all of them, by a key."""

    session: Any = attr.ib(default=None)
    table_name: Optional[str] = attr.ib(default=None, validator=attr.validators.instance_of(str))
    key: Optional[str] = attr.ib(default=None)
    columns: Optional[List[str]] = attr.ib(default=None)
    where: Any = attr.ib(default=None)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not self.key and not self.columns:
            raise ValueError("One of parameters ('columns' or 'key') must be set.")

    def _get_source_data(self) -> List[Dict[str, Any]]:
        if self.columns == ["*"]:
            names = ["*"]
        else:
            names = list(dict.fromkeys((self.columns or []) + ([self.key] if self.key else [])))
        columns = ["*"] if names == ["*"] else [column(name) for name in names]
        query = self._select(columns).select_from(table(self.table_name))
        if self.where is not None:
            query = query.where(self.where)
        return [dict(row._mapping) for row in self.session.execute(query).fetchall()]

    @staticmethod
    def _select(columns: List[Any]) -> Any:
        if columns == ["*"]:
            from sqlalchemy import text

            return select(text("*"))
        return select(*columns)

    def load_from_source(self) -> Dict[str, Any]:
        """The rows, by their keys."""
        if not self.key:
            raise ValueError('Parameter "key" is required.')
        return {row[self.key]: row for row in self._get_source_data()}
