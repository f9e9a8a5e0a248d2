# A warm interpreter: loads one handler.py and runs it on one event after another, until it is ended.
# interpreter.ts starts it, mixpeek/_wire.py has the pipes. Standard library only, Python 3.9 or later.
import io
import linecache
import sys
import types

from mixpeek import _items, _wire
from mixpeek._failures import HANDLER, BadHandler, failure_of

# Items are sent on when there is this much of them, so that a long generator needs no memory to match.
ENOUGH = 256 * 1024


def main():
    _wire.connect()
    logs = [_wire.LogBytes(), _wire.LogBytes()]
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(log, encoding="utf-8", errors="replace", write_through=True) for log in logs
    )
    source = _wire.take()["source"]
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
        if waiting >= ENOUGH:
            _wire.call("more")
            waiting = 0


main()
