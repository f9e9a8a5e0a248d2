# What a handler.py imports: `from mixpeek import Mixpeek, FileTools`. Every call goes to the run's pipeline
# Worker, which holds the source's credentials and answers it as it would a TypeScript handler.
# Works only inside a run; how it talks is in _wire.py.
import base64
import threading

from ._vector import Vector, vector_of
from ._wire import WeirError, call, this_run

__all__ = ["Chunk", "FileTools", "Mixpeek", "Vector", "WeirError"]

# Most spans of one call: what the Worker sends on in one request.
MAX_SPANS_AHEAD = 16


class Chunk:
    """A part of a video, `[start, end)`, in seconds."""

    def __init__(self, plan, siblings):
        self._id = plan.pop("id")
        self._run = this_run()
        self._siblings = siblings
        # index, start, end, first_frame, last_frame, fps, keyframes: what splitVideo says in TypeScript.
        self.__dict__.update(plan)

    def __repr__(self):
        return f"Chunk(index={self.index}, start={self.start}, end={self.end})"


def _id_of(chunk):
    if chunk._run == this_run():
        return chunk._id
    detail = f"{chunk} is of an earlier run"
    raise WeirError({"kind": "invalid", "detail": detail, "next": "split the video within the handler"})


class FileTools:
    @staticmethod
    def split_video(file_url, frame_interval=None, **options):
        """
        Plans a video's chunks, `frame_interval` (10) seconds each and the last one short. Nothing is cut.
        Instead of `frame_interval`: `scenes={"threshold": …, "min": …, "max": …}` or `keyframes=True`;
        with any of them `max_duration` and `overlap`, seconds.
        """
        if frame_interval is not None:
            options["frame_interval"] = frame_interval
        plans = call("split_video", file_url=file_url, **options)
        siblings = []
        siblings.extend(Chunk(plan, siblings) for plan in plans)
        return list(siblings)

    @staticmethod
    def image_info(file_url):
        """Width, height, format and dominant colours of a picture, as a dict."""
        return call("image_info", file_url=file_url)

    @staticmethod
    def probe(file_url):
        """Container, duration and streams of a video, or the size of an image, as a dict."""
        return call("probe", file_url=file_url)

    @staticmethod
    def frames(file_url, **options):
        """
        Still pictures: dicts with `time`, `width`, `height`, `format` and `bytes`. Either `at=[seconds]` or
        `every=seconds`; `size` of the longer side (640) and `format`: "jpeg", "png" or "webp".
        """
        pictures = call("frames", file_url=file_url, **options)
        for picture in pictures:
            picture["bytes"] = base64.b64decode(picture.pop("data"))
        return pictures

    @staticmethod
    def clip(chunk):
        """A chunk by itself: the bytes of an MP4, at most two minutes."""
        return base64.b64decode(call("clip", chunk=_id_of(chunk)))

    @staticmethod
    def audio(chunk):
        """A chunk's sound: the bytes of a WAV, 16 kHz, one channel, 16 bits."""
        return base64.b64decode(call("audio", chunk=_id_of(chunk)))


class Mixpeek:
    """The seed's client. Its key is taken for compatibility: a run is known by its pipeline, not by a key."""

    def __init__(self, api_key=None):
        self.embed = _Embed()

    def file_url(self, bucket, key):
        """A signed, expiring URL of an object of the pipeline's source, readable in ranges."""
        return call("file_url", bucket=bucket, key=key)


    def transcribe(self, source, model=None, language=None):
        """
        What is said in a film (its URL) or in a chunk of it: a dict with `text`, `language`, `segments` and
        `words`, each a dict of `text`, `start` and `end`, seconds of the film. Segments are items as they are.
        """
        options = {"model": model, "language": language}
        place = {"chunk": _id_of(source)} if isinstance(source, Chunk) else {"file_url": source}
        return call("transcribe", **place, **{name: value for name, value in options.items() if value is not None})


class _Embed:
    def __init__(self):
        # Answers that came ahead of their call, by chunk, and how many the next request is to bring.
        self._ahead = {}
        self._model = None
        self._window = 1
        self._lock = threading.Lock()

    def video(self, chunk, model):
        """The embedding of one chunk: a list of floats, stored as a vector where it is returned."""
        _id_of(chunk)
        with self._lock:
            if model != self._model or (self._ahead and chunk not in self._ahead):
                self._ahead, self._model, self._window = {}, model, 1
            if not self._ahead:
                # A loop over chunks is one call after another; the request has those after it too, twice
                # as many each time that all of them were used.
                chunks = chunk._siblings[chunk.index : chunk.index + self._window]
                answers = call("embed_video", chunks=[_id_of(each) for each in chunks], model=model)
                self._ahead = dict(zip(chunks, answers))
                self._window = min(MAX_SPANS_AHEAD, self._window * 2)
            return vector_of(self._ahead.pop(chunk))

    def image(self, file_url, model):
        """The embedding of a picture."""
        return vector_of(call("embed_image", file_url=file_url, model=model))

    def text(self, text, model):
        """The embedding of a text, where models.json names a model that takes text."""
        return vector_of(call("embed_text", text=text, model=model))
