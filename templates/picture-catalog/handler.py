# Catalogues a picture: its format, size and dominant colours, and how it looks, so that a search finds similar ones.
# To ask in words: `weir models add clip`, and its name here and in config.json.
import os
from mixpeek import Mixpeek, FileTools


def handler(event):
    mixpeek = Mixpeek(os.getenv("API_KEY"))
    file_url = mixpeek.file_url(event["bucket"], event["key"])
    return {
        **FileTools.image_info(file_url),
        "embedding": mixpeek.embed.image(file_url, "weir/hog-512"),
    }
