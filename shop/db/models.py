"""Models: one typed declaration a table, from which SQLAlchemy, Alembic, mypy and the managers read."""

from __future__ import annotations

import inspect
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.sql.type_api import TypeEngine

from . import errors
from .columns import Kind, kind_of
from .errors import FieldError, NotLoaded
from .meta import Meta, RelationSpec
from .query import Manager

if TYPE_CHECKING:
    from sqlalchemy import ColumnCollection

# PostgreSQL's own names, so that migrations, autogenerate and UniqueViolation.constraint agree.
metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)


class ColumnSpec(NamedTuple):
    """A column as the class body declares it."""

    args: tuple[Any, ...]
    options: dict[str, Any]

    def built(self, name: str, kind: Kind) -> Column[Any]:
        """The column; of copies, because a mixin's foreign key stands in several tables."""
        args: list[Any] = [arg._copy() if hasattr(arg, "_copy") else arg for arg in self.args]
        sql_type = args.pop(0) if args and isinstance(args[0], TypeEngine | type) else kind.sql_type
        return Column(name, sql_type, *args, **{"nullable": kind.nullable, **self.options})


def column(*args: Any, **options: Any) -> Any:
    """A column; the arguments are sqlalchemy.Column's, and name, type and `nullable` follow the annotation."""
    if "onupdate" in options:
        raise FieldError("column() takes no onupdate: say what an update sets, or use a trigger")
    return ColumnSpec(args, options)


def to_one(column: str) -> Any:
    """The object behind the foreign key in `column`: for lookups that span, `select_related` and `prefetch_related`."""
    return RelationSpec(column)


def to_many(table: str, column: str) -> Any:
    """The rows of `table` whose `column` points here, for `prefetch_related`."""
    return RelationSpec(column, table)


class Model:
    """One row; a subclass with `__tablename__` is a table, one without is a mixin of columns."""

    metadata: ClassVar[MetaData] = metadata
    table: ClassVar[Table]
    c: ClassVar[ColumnCollection[str, Column[Any]]]
    objects: ClassVar[Manager[Self]] = Manager()
    DoesNotExist: ClassVar[type[errors.DoesNotExist]] = errors.DoesNotExist
    MultipleObjectsReturned: ClassVar[type[errors.MultipleObjectsReturned]] = errors.MultipleObjectsReturned
    __tablename__: ClassVar[str]
    __table_args__: ClassVar[tuple[Any, ...]] = ()
    _meta: ClassVar[Meta]
    _declared: ClassVar[dict[str, ColumnSpec | RelationSpec]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        found = {n: a for base in reversed(cls.__mro__[1:]) for n, a in vars(base).get("_declared", {}).items()}
        found |= {n: a for n, a in vars(cls).items() if isinstance(a, ColumnSpec | RelationSpec)}
        cls._declared = found
        for name in found.keys() & vars(cls).keys():
            delattr(cls, name)  # on the class it would hide from Python where an object keeps the value
        if "__tablename__" not in vars(cls):
            return
        given = {name: _kind(cls, name) for name, spec in found.items() if isinstance(spec, ColumnSpec)}
        columns = [found[name].built(name, kind) for name, kind in given.items()]
        cls.table = Table(cls.__tablename__, cls.metadata, *columns, *cls.__table_args__)
        cls.c = cls.table.c
        kinds = {c.name: replace(given[c.name], sql_type=c.type, nullable=bool(c.nullable)) for c in cls.c}
        cls._meta = Meta(cls, kinds, {name: a for name, a in found.items() if isinstance(a, RelationSpec)})
        cls.table.info["model"] = cls
        cls.objects = cls.objects.bound_to(cls)
        cls.DoesNotExist = _own(cls, errors.DoesNotExist)
        cls.MultipleObjectsReturned = _own(cls, errors.MultipleObjectsReturned)

    def __init__(self, **values: Any) -> None:
        for name in values:
            self._meta.require(name)
        self.__dict__.update(values)

    if not TYPE_CHECKING:  # mypy knows the declared names, and must not believe in others

        def __getattr__(self, name: str) -> Any:
            label, relation = f"{type(self).__name__}.{name}", self._meta.declared.get(name)
            if name not in self._declared:
                raise AttributeError(f"there is no {label}")
            raise NotLoaded(f"{label} was not loaded" + (f": say {relation.advice}({name!r})" if relation else ""))

    @property
    def pk(self) -> Any:
        """The primary key: a value (None before the row is written), or a tuple where it has several columns."""
        values = self._identity()
        return values[0] if len(values) == 1 else values

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        mine = self._identity()
        return self is other or (None not in mine and mine == other._identity())

    def __hash__(self) -> int:
        mine = self._identity()
        if None in mine:
            raise TypeError(f"a {type(self).__name__} without a primary key cannot be hashed")
        return hash((type(self), mine))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in zip(self._meta.key, self._identity(), strict=True))
        return f"<{type(self).__name__} {shown}>"

    def _identity(self) -> tuple[Any, ...]:
        return tuple(self.__dict__.get(name) for name in self._meta.key)


def _kind(cls: type[Model], name: str) -> Kind:
    owner = next((base for base in cls.__mro__ if name in inspect.get_annotations(base)), None)
    if owner is None:
        raise FieldError(f"{cls.__name__}.{name} needs an annotation, such as {name}: int = column()")
    annotation = inspect.get_annotations(owner)[name]
    if isinstance(annotation, str):
        try:
            annotation = eval(annotation, vars(sys.modules[owner.__module__]), dict(vars(owner)))  # noqa: S307
        except NameError as error:
            raise FieldError(f"{cls.__name__}.{name}: {error}; a column's type must be imported at run time") from error
    return kind_of(annotation, f"{cls.__name__}.{name}")


def _own(cls: type[Model], general: type[Exception]) -> Any:
    name = general.__name__
    return type(name, (general,), {"__module__": cls.__module__, "__qualname__": f"{cls.__qualname__}.{name}"})
