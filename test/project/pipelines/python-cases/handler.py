# Does what the payload asks for, in each way that a handler may end.
import logging
import os

from mixpeek import FileTools, Mixpeek, WeirError

mixpeek = Mixpeek(os.getenv("API_KEY"))


def handler(event):
    case = event["payload"]["case"]
    print("asked for", case)
    return CASES[case](event)


def talk(event):
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    logging.info("by logging")
    os.write(1, b"by the descriptor\n")
    url = mixpeek.file_url(event["bucket"], event["key"])
    print(url)
    return {"pid": os.getpid(), "signed": "?" in url, "names": sorted(os.environ), "key": os.getenv("API_KEY")}


def pick(things):
    return things["colour"]


def fail(event):
    return [pick({"shape": "round"})]


def fail_with_url(event):
    raise RuntimeError("cannot read " + mixpeek.file_url(event["bucket"], event["key"]))


def endless(event):
    while True:
        pass


def missing_object(event):
    return {"url": mixpeek.file_url(event["bucket"], "not/there")}


def foreign_bucket(event):
    return {"url": mixpeek.file_url("somebody-elses", "key")}


def no_text(event):
    return {"embedding": mixpeek.embed.text("words", "mixpeek/vuse-generic-v1")}


def text(event):
    return [{"text": each, "embedding": mixpeek.embed.text(each, "test/tiny")} for each in ("red", "blue")]


def no_model(event):
    chunks = FileTools.split_video(mixpeek.file_url(event["bucket"], event["key"]))
    return {"embedding": mixpeek.embed.video(chunks[0], "no/such-model")}


def misuse(event):
    return FileTools.split_video("https://example.com/film.mp4", frame_intervall=5)


def own_failure(event):
    raise WeirError({"kind": "no_such_kind", "detail": "of my own making"})


def media(event):
    url = mixpeek.file_url(event["bucket"], "media/film.mp4")
    chunks = FileTools.split_video(url, keyframes=True, max_duration=6)
    [picture] = FileTools.frames(url, at=[1], size=64, format="png")
    return {
        "spans": [[chunk.start, chunk.end, chunk.fps] for chunk in chunks],
        "container": FileTools.probe(url)["container"],
        "picture": [picture["width"], picture["time"], picture["bytes"][1:4].decode()],
    }


def leak(event):
    print(dict(os.environ))
    print(os.getenv("API_KEY"), mixpeek.file_url(event["bucket"], event["key"]))
    raise RuntimeError("not with " + os.getenv("API_KEY"))


CASES = {
    "leak": leak,
    "media": media,
    "own_failure": own_failure,
    "misuse": misuse,
    "pid": lambda event: {"pid": os.getpid()},
    "talk": talk,
    "fail": fail,
    "fail_with_url": fail_with_url,
    "endless": endless,
    "missing_object": missing_object,
    "foreign_bucket": foreign_bucket,
    "no_text": no_text,
    "text": text,
    "no_model": no_model,
    "generator": lambda event: ({"n": n} for n in range(3)),
    "set": lambda event: [{"tags": {"a"}}],
}
