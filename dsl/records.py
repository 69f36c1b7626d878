"""`dataclass`, `field` and `replace` as the standard module has them, for a command that lives a tenth of a second.

The standard module writes the methods of each class as source text and compiles it: with a hundred classes that takes a
third of a `sysidc check`. Here all classes share their methods, which read the names of the fields. What the standard
module keeps about a class (`fields`, `asdict`, pydantic) is made when somebody asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

MISSING = object()


class Field:
    """What `field` was told."""

    def __init__(self, default: Any = MISSING, default_factory: Any = MISSING, repr: bool = True, compare: bool = True):
        self.default = default
        self.default_factory = default_factory
        self.repr = repr
        self.compare = compare

    def value(self) -> Any:
        return self.default if self.default_factory is MISSING else self.default_factory()


def make(given: type[Any] | None = None, *, frozen: bool = False) -> Any:
    """The decorator `dataclass`, with the one option that this house uses."""
    return (lambda cls: _made(cls, frozen)) if given is None else _made(given, frozen)


def _made(cls: type[Any], frozen: bool) -> type[Any]:
    fields: dict[str, Field] = dict(getattr(cls, "__fields", {}))
    for name in cls.__annotations__:
        default = cls.__dict__.get(name, MISSING)
        fields[name] = default if isinstance(default, Field) else Field(default)
        if isinstance(default, Field):
            delattr(cls, name)
    own = {
        "__fields": fields,
        "__compared": tuple(name for name, field in fields.items() if field.compare),
        "__match_args__": tuple(fields),
        "__dataclass_fields__": _Standard(),
        "__init__": _init,
        "__repr__": _repr,
        "__eq__": _eq,
        "__hash__": _hash if frozen else None,
        **({"__setattr__": _refuse, "__delattr__": _refuse} if frozen else {}),
    }
    for name, value in own.items():
        if name not in cls.__dict__ or name == "__hash__":  # a class that defines __eq__ has __hash__ = None
            setattr(cls, name, value)
    return cls


def _init(self: Any, *values: Any, **named: Any) -> None:
    kind = type(self)
    given = self.__dict__  # past a frozen class's own __setattr__
    names = kind.__match_args__
    if len(values) > len(names):
        raise TypeError(f"{kind.__name__} takes {len(names)} values, not {len(values)}")
    given.update(zip(names, values, strict=False))
    if len(values) < len(names):
        fields = getattr(kind, "__fields")
        for name in names[len(values) :]:
            given[name] = named.pop(name) if name in named else fields[name].value()
            if given[name] is MISSING:
                raise TypeError(f"{kind.__name__} needs a value for {name!r}")
    if named:
        raise TypeError(f"{kind.__name__} takes no other value for {', '.join(named)}")


def _repr(self: Any) -> str:
    fields = getattr(type(self), "__fields")
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name, field in fields.items() if field.repr)
    return f"{type(self).__qualname__}({shown})"


def _compared(self: Any) -> tuple[Any, ...]:
    given = self.__dict__
    return tuple([given[name] for name in getattr(type(self), "__compared")])


def _eq(self: Any, other: object) -> bool:
    return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_compared(self))


def _refuse(self: Any, name: str, *value: Any) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"{name!r} of a {type(self).__name__} stays as it is")


class _Standard:
    """`__dataclass_fields__`, made by the standard module when it is first looked at."""

    def __get__(self, instance: object, owner: type[Any]) -> Any:
        import dataclasses

        told = [
            (name, annotation, _standard(field))
            for (name, field), annotation in zip(
                getattr(owner, "__fields").items(), _annotations(owner).values(), strict=True
            )
        ]
        made = vars(dataclasses.make_dataclass(owner.__name__, told))["__dataclass_fields__"]
        owner.__dataclass_fields__ = made
        return made


def _annotations(owner: type[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for cls in reversed(owner.__mro__):
        found |= getattr(cls, "__annotations__", {})
    return found


def _standard(field: Field) -> Any:
    import dataclasses

    options: dict[str, Any] = {"repr": field.repr, "compare": field.compare}
    if field.default is not MISSING:
        options["default"] = field.default
    if field.default_factory is not MISSING:
        options["default_factory"] = field.default_factory
    return dataclasses.field(**options)


def changed(given: Any, **changes: Any) -> Any:
    """The function `replace`."""
    return type(given)(**{**{name: getattr(given, name) for name in type(given).__match_args__}, **changes})


if TYPE_CHECKING:  # type checkers read the standard module: what is here behaves as it does
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
else:
    dataclass, field, replace = make, Field, changed
