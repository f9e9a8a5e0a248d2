# Embeddings as handlers see them: lists of floats that still know which vector of the Worker's they are.
import array
import base64
import sys

from ._wire import WeirError, this_run


class Vector(list):
    """An embedding: a list of floats. Unchanged and returned by its own run, it keeps its model and span."""

    def __init__(self, values, ref):
        super().__init__(values)
        self._ref = ref
        self._run = this_run()
        self._bytes = values.tobytes()


def vector_of(answer):
    if "failure" in answer:
        raise WeirError(answer["failure"])
    values = array.array("f")
    values.frombytes(base64.b64decode(answer["values"]))
    if sys.byteorder == "big":
        values.byteswap()
    return Vector(values, answer["ref"])


def stored_form(value):
    """The form in which the Worker takes a vector; None for a value that is none. A numpy array of floats is one."""
    if isinstance(value, Vector):
        try:
            values = array.array("f", value)
        except (TypeError, OverflowError):
            return None
        if value._run == this_run() and values.tobytes() == value._bytes:
            return {"ref": value._ref}
        return {"values": _base64(values)}
    try:
        view = memoryview(value)
    except (TypeError, ValueError):
        return None
    if view.ndim == 1 and view.format in ("f", "d"):
        return {"values": _base64(array.array("f", view.tolist()))}
    return None


def _base64(values):
    if sys.byteorder == "big":
        values.byteswap()
    return base64.b64encode(values.tobytes()).decode()
