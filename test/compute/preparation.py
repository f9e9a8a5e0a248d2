"""Fifty pictures of all shapes and colour kinds, and the numbers that models are to be given of them, as Pillow and numpy
prepare them: independently of Weir. Run with a folder to write to. Each picture is <n>.<format>, its numbers under a
recipe <n>.<recipe>.f32."""

import json
import sys
from pathlib import Path

import numpy
from PIL import Image, ImageDraw

SIDE = 112
CLIP_MEAN = numpy.array([0.48145466, 0.4578275, 0.40821073])
CLIP_STD = numpy.array([0.26862954, 0.26130258, 0.27577711])

out = Path(sys.argv[1])
random = numpy.random.default_rng(17)

SHAPES = [(640, 480), (480, 640), (112, 112), (1920, 1080), (333, 500), (50, 40), (31, 77), (900, 17), (13, 700), (1, 1), (2, 3), (113, 111), (1000, 999)]


def drawn(width, height, kind):
    """Smooth slopes, hard edges or noise."""
    x = numpy.linspace(0, 1, width)[None, :]
    y = numpy.linspace(0, 1, height)[:, None]
    slopes = numpy.stack([x + 0 * y, y + 0 * x, 1 - x * y], axis=2)
    picture = Image.fromarray((slopes * 255).astype(numpy.uint8))
    if kind == "noise":
        return Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=numpy.uint8))
    if kind == "edges":
        pen = ImageDraw.Draw(picture)
        for _ in range(12):
            a, b, c, d = (int(v) for v in random.integers(0, 1000, 4))
            box = sorted([a * width // 1000, c * width // 1000]), sorted([b * height // 1000, d * height // 1000])
            colour = tuple(int(v) for v in random.integers(0, 256, 3))
            pen.rectangle([box[0][0], box[1][0], box[0][1], box[1][1]], fill=colour)
    return picture


def with_alpha(picture):
    """A slope of transparency."""
    width, height = picture.size
    slope = (numpy.linspace(0, 255, width)[None, :] + numpy.zeros((height, 1))).astype(numpy.uint8)
    alpha = Image.fromarray(slope)
    four = picture.convert("RGBA")
    four.putalpha(alpha)
    return four


def kinds():
    """Colour kinds: how a picture is stored, as file and as what Pillow opens."""
    yield "png", lambda p: p, {}
    yield "png", lambda p: p.convert("L"), {}
    yield "png", lambda p: p.quantize(64), {}
    yield "png", lambda p: p.convert("1"), {}
    yield "png", with_alpha, {}
    yield "png", lambda p: with_alpha(p).convert("LA"), {}
    yield "jpg", lambda p: p, {"quality": 95, "subsampling": 0}
    yield "jpg", lambda p: p, {"quality": 90, "subsampling": 2}
    yield "jpg", lambda p: p.convert("L"), {"quality": 95}
    yield "jpg", lambda p: p, {"quality": 92, "subsampling": 1}
    yield "gif", lambda p: p.quantize(128), {}
    yield "jpg", lambda p: p.convert("CMYK"), {"quality": 95}
    yield "webp", lambda p: p, {"lossless": True}


def on_white(picture):
    """Transparent parts on white, which is Weir's choice; everything else as it is."""
    if picture.mode in ("RGBA", "LA") or "transparency" in picture.info:
        four = numpy.asarray(picture.convert("RGBA")).astype(numpy.float64)
        share = four[:, :, 3:] / 255
        return Image.fromarray(numpy.round(four[:, :, :3] * share + 255 * (1 - share)).astype(numpy.uint8))
    return picture.convert("RGB")


def clip(picture):
    """Shorter side to the size, bicubic; the middle; planes, normalised."""
    width, height = picture.size
    short = min(width, height)
    size = (SIDE, int(SIDE * height / short)) if width <= height else (int(SIDE * width / short), SIDE)
    scaled = picture.resize(size, Image.BICUBIC)
    left, top = (size[0] - SIDE) // 2, (size[1] - SIDE) // 2
    pixels = numpy.asarray(scaled.crop((left, top, left + SIDE, top + SIDE)))
    return ((pixels / 255 - CLIP_MEAN) / CLIP_STD).transpose(2, 0, 1)


def siglip(picture):
    """Stretched, bilinear; planes between -1 and 1."""
    pixels = numpy.asarray(picture.resize((SIDE, SIDE), Image.BILINEAR))
    return ((pixels / 255 - 0.5) / 0.5).transpose(2, 0, 1)


def channels_last(picture):
    """Stretched, bicubic; channels last, 0 to 1."""
    return numpy.asarray(picture.resize((SIDE, SIDE), Image.BICUBIC)) / 255


def bgr(picture):
    """Stretched by the mean of areas; blue first, planes, less a mean."""
    pixels = numpy.asarray(picture.resize((SIDE, SIDE), Image.BOX))[:, :, ::-1]
    return ((pixels / 255 - numpy.array([0.4, 0.45, 0.5])) / 0.25).transpose(2, 0, 1)


RECIPES = {"clip": clip, "siglip": siglip, "channels_last": channels_last, "bgr": bgr}
MOODS = ["slopes", "edges", "noise"]

described = []


def write(picture, form, options, about, limit):
    """A picture, and its numbers under every recipe. `limit`: of the difference, in 255ths."""
    n = len(described)
    path = out / f"{n}.{form}"
    picture.save(path, **options)
    opened = Image.open(path)
    seen = on_white(opened)
    width, height = opened.size
    described.append({"file": path.name, "about": f"{form} {opened.mode} {width}x{height} {about}", "limit": limit})
    for name, prepare in RECIPES.items():
        prepare(seen).astype("<f4").tofile(out / f"{n}.{name}.f32")


ways = list(kinds())
for n in range(50):
    form, change, options = ways[n % len(ways)]
    # Two decoders of one JPEG may differ by one in each of three numbers: seen where it is hardly scaled down, below.
    shapes = [shape for shape in SHAPES if form != "jpg" or min(shape) > 2 * SIDE]
    width, height = shapes[(n * 5 + n // len(ways)) % len(shapes)]
    mood = "slopes" if form == "jpg" else MOODS[n % 3]
    write(change(drawn(width, height, mood)), form, options, mood, 2)
for width, height in [(31, 77), (50, 40), (113, 111), (13, 700), (900, 17), (2, 3), (1, 1)]:
    for subsampling in range(3):
        options = {"quality": 92, "subsampling": subsampling}
        write(drawn(width, height, "slopes"), "jpg", options, f"subsampled {subsampling}", 4)
print(json.dumps(described))
