# The two pipes to the compute server: JSON lines in on descriptor 3 and out on 4, so that what a handler
# prints cannot be mistaken for them. Calls take turns: one line out, one line back.
import io
import json
import os
import queue
import shutil
import threading

_INCOMING, _OUTGOING = 3, 4
_MAX_LINE_CHARACTERS = 1000

_received = queue.SimpleQueue()
_saying = threading.RLock()
_calling = threading.Lock()
_open = False
_items = []
_runs = 0


class WeirError(Exception):
    """A call that failed. `failure` says what, where and what to do next; uncaught, it is the run's own."""

    def __init__(self, failure):
        super().__init__(failure["detail"])
        self.failure = failure


def connect():
    global _open
    _open = True
    for pipe in (_INCOMING, _OUTGOING):
        os.set_inheritable(pipe, False)
    threading.Thread(target=_listen, args=[os.environ["TMPDIR"]], daemon=True).start()


def _listen(folder):
    with os.fdopen(_INCOMING, "r", encoding="utf-8") as lines:
        for line in lines:
            _received.put(json.loads(line))
    # The server has gone, and with it all that this process is for, even if the handler never ends.
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def take():
    return _received.get()


def take_event():
    global _runs
    event = take()["event"]
    _runs += 1
    return event


def this_run():
    """Numbers of chunks and vectors mean something to one run's Worker only."""
    return _runs


def say(**message):
    """Sends one line, with the items that wait to go."""
    with _saying:
        items = ",".join(_items)
        _items.clear()
        line = json.dumps(message)[:-1] + (f', "items": [{items}]' if items else "") + "}\n"
        _write(line.encode())


def _write(data):
    while data:
        data = data[os.write(_OUTGOING, data) :]


def add_item(text):
    _items.append(text)


def drop_items():
    _items.clear()


def call(name, **arguments):
    """Asks the pipeline Worker and waits. Raises WeirError where it refuses."""
    if not _open:
        raise RuntimeError(f"mixpeek: {name} works only inside a run of Weir")
    with _calling:
        say(call={"name": name, **arguments})
        answer = take()
    if "failure" in answer:
        raise WeirError(answer["failure"])
    return answer.get("value")


class LogBytes(io.RawIOBase):
    """Standard output and error of a handler: each line is said at once, so that none is lost to a crash."""

    def __init__(self):
        self._rest = b""

    def writable(self):
        return True

    def write(self, data):
        *lines, rest = (self._rest + bytes(data)).split(b"\n")
        self._rest = rest[: _MAX_LINE_CHARACTERS * 4]
        for line in lines:
            self._log(line)
        return len(data)

    def end_line(self):
        if self._rest:
            self._log(self._rest)
        self._rest = b""

    @staticmethod
    def _log(line):
        with _saying:
            text = line.decode("utf-8", "replace").rstrip("\r")[:_MAX_LINE_CHARACTERS]
            _write((json.dumps({"log": text}) + "\n").encode())
