# From what a handler returned to lines that the Worker can store: JSON, and vectors taken out of it. Whatever
# cannot be stored faithfully is refused with its place, as workers/pipeline/items.ts does for TypeScript.
import collections.abc
import datetime
import json
import math

from ._vector import stored_form

MAX_BYTES = 1_500_000
MAX_DEPTH = 64
MAX_INTEGER = 2**53 - 1


class InvalidReturn(Exception):
    def __init__(self, detail, where=""):
        super().__init__(detail)
        self.where = where


def sequence(returned):
    """The items of a list, a generator or any other iterable, or the one that a dict is."""
    if isinstance(returned, collections.abc.Mapping):
        return [returned]
    if isinstance(returned, collections.abc.Iterable) and not isinstance(returned, (str, bytes, bytearray)):
        return returned
    raise InvalidReturn(f"The handler returned {name_of(returned)}.")


def line_of(value, position):
    """One item as a line of JSON: `data`, and `vectors` by their path into it."""
    where = f"items[{position}]"
    if not isinstance(value, collections.abc.Mapping):
        raise InvalidReturn(f"{where} is {name_of(value)}.", where)
    vectors = []
    data = json.dumps(_plain(value, [], vectors, where), separators=(",", ":"))
    # What is not ASCII is escaped here and not where it is stored, so this is refused with room to spare.
    if len(data) > MAX_BYTES * 6:
        raise InvalidReturn(f"{where} is {len(data)} bytes of JSON; {MAX_BYTES} are the most.", where)
    return json.dumps({"vectors": vectors})[:-1] + f', "data": {data}}}'


def _plain(value, path, vectors, item):
    if value is None or isinstance(value, (str, bool)):
        return value
    where = item + "".join(map(_member, path))
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            # Also too large to be written out in digits, perhaps.
            raise InvalidReturn(f"{where} is an integer too large for JSON: return it as text.", where)
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            name = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
            raise InvalidReturn(f"{where} is {name}.", where)
        return float(value)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    vector = stored_form(value)
    if vector is not None:
        vectors.append({"path": path, **vector})
        return None
    if len(path) >= MAX_DEPTH:
        raise InvalidReturn(f"{item} is nested deeper than {MAX_DEPTH} levels, or contains itself.", item)
    if isinstance(value, collections.abc.Mapping):
        for key in value:
            if not isinstance(key, str):
                raise InvalidReturn(f"{where} has a key that is {name_of(key)}, not a str.", where)
        return {key: _plain(member, [*path, key], vectors, item) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(element, [*path, at], vectors, item) for at, element in enumerate(value)]
    # A numpy scalar is a number in a coat.
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return _plain(value.item(), path, vectors, item)
    raise InvalidReturn(f"{where} is {name_of(value)}.", where)


def _member(step):
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isidentifier() else f"[{json.dumps(step[:100])}]"


def name_of(value):
    if value is None:
        return "None"
    name = type(value).__name__
    if name == "coroutine":
        return "a coroutine: is an await missing, or is the handler async (it must not be)"
    return f"{'an' if name[:1] in 'aeioAEIO' else 'a'} {name}"
