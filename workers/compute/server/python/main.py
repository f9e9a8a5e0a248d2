# A warm interpreter: loads one handler.py and runs it on one event after another, until it is ended.
# interpreter.ts starts it, mixpeek/_wire.py has the pipes. Standard library only, Python 3.9 or later.
import ctypes
import io
import linecache
import os
import resource
import sys
import types

from mixpeek import _items, _wire
from mixpeek._failures import HANDLER, BadHandler, failure_of

# Items are sent on when there is this much of them, so that a long generator needs no memory to match.
BATCH_BYTES = 256 * 1024


def main():
    _wire.connect()
    logs = [_wire.LogBytes(), _wire.LogBytes()]
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(log, encoding="utf-8", errors="replace", write_through=True) for log in logs
    )
    start = _wire.take()
    source = start["source"]
    limit(**start["limits"])
    handler = None
    while True:
        event = _wire.take_event()
        try:
            handler = handler or load(source)
            send_items(handler(event))
            ending = {"done": True}
        except BaseException as error:
            # SystemExit too: a handler that exits has failed, and its interpreter goes on.
            _wire.drop_items()
            ending = {"failure": failure_of(error)}
        for log in logs:
            log.end_line()
        _wire.say(**ending)


def limit(memory, threads):
    """What this process and its children may take; none can take it back. Behind the server in the line for the CPU."""
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (int(memory), int(memory)))
    if threads:
        resource.setrlimit(resource.RLIMIT_NPROC, (threads, threads))
    if sys.platform == "linux":
        # Processes whose parent has ended become children of this one, and are found with it.
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def load(source):
    # Where tracebacks look for the text of a line.
    linecache.cache[HANDLER] = (len(source), None, source.splitlines(True), HANDLER)
    module = types.ModuleType("handler")
    module.__file__ = HANDLER
    sys.modules["handler"] = module
    exec(compile(source, HANDLER, "exec"), module.__dict__)
    handler = getattr(module, "handler", None)
    if not callable(handler):
        raise BadHandler(f"{HANDLER} has no function handler(event)")
    return handler


def send_items(returned):
    waiting = 0
    for position, value in enumerate(_items.sequence(returned)):
        line = _items.line_of(value, position)
        _wire.add_item(line)
        waiting += len(line)
        if waiting >= BATCH_BYTES:
            _wire.call("more")
            waiting = 0


main()
