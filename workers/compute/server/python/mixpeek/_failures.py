# From an exception to the run's failure: what was raised in one sentence, and where as a traceback of the
# handler's own frames. Free of paths of this machine; signed URLs are taken out by the Worker.
import os
import traceback

from ._items import InvalidReturn
from ._wire import WeirError

HANDLER = "handler.py"
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
MAX_FRAMES = 8
MAX_CHARACTERS = 1000


class BadHandler(Exception):
    """The handler cannot be run at all, now or later."""


def failure_of(error):
    if isinstance(error, WeirError):
        return error.failure
    if isinstance(error, InvalidReturn):
        return _filled(
            kind="invalid_return",
            detail=str(error),
            where=error.where,
            expected="a list, a generator or a single dict, of dicts of JSON values (vectors as embed gives them)",
            next="change what the handler returns, then redrive the dead letter",
        )
    if isinstance(error, BadHandler):
        return _filled(kind="bad_handler", detail=str(error))
    said = _said(error)
    if isinstance(error, ModuleNotFoundError):
        return _filled(
            kind="bad_handler",
            detail=f"{said}: it is not installed where compute runs",
            where=_where(error),
            next="name it in the pipeline's requirements.txt, which compute's image installs when it is "
            "deployed; in local work, install it for the python3 that runs here",
        )
    unloadable = isinstance(error, (SyntaxError, ImportError))
    return _filled(kind="bad_handler" if unloadable else "handler_failed", detail=said, where=_where(error))


def _said(error, depth=0):
    """What an exception says, with its cause and what was gathered into it; whatever its __str__ does."""
    name = type(error).__name__
    try:
        text = str(error)
    except BaseException:
        return f"{name}, which has no text"
    said = f"{name}: {text}" if text else name
    if depth == 3:
        return said
    gathered = [_said(each, depth + 1) for each in getattr(error, "exceptions", ())[:5]]
    cause = getattr(error, "__cause__", None)
    caused = f" (caused by {_said(cause, depth + 1)})" if cause is not None else ""
    return said + (f" ({'; '.join(gathered)})" if gathered else "") + caused


def _filled(**parts):
    return {name: _clean(text) for name, text in parts.items() if text}


def _where(error):
    if isinstance(error, SyntaxError) and error.filename == HANDLER:
        return f'File "{HANDLER}", line {error.lineno}'
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _ours(frame.filename)]
    lines = []
    for frame in frames[-MAX_FRAMES:]:
        lines.append(f'File "{_short(frame.filename)}", line {frame.lineno}, in {frame.name}')
        if frame.line:
            lines.append(f"  {frame.line.strip()}")
    return "\n".join(lines)


def _ours(path):
    return path.startswith((HERE, "<frozen"))


def _short(path):
    """A library's file by its place in the library, not on this machine."""
    for mark in ("site-packages" + os.sep, "dist-packages" + os.sep):
        if mark in path:
            return path.split(mark)[-1]
    library = os.path.dirname(os.__file__) + os.sep
    return path[len(library) :] if path.startswith(library) else os.path.basename(path)


def _clean(text):
    return text.replace(HERE, "").replace(os.getcwd() + os.sep, "")[:MAX_CHARACTERS]
