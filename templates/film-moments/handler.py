# Finds the moments of a film: an item for each scene, with its seconds and how it looks, so that a search ends at the
# second. To ask in words: `weir models add clip`, and its name here and in config.json.
import os
from mixpeek import Mixpeek, FileTools


def handler(event):
    mixpeek = Mixpeek(os.getenv("API_KEY"))
    file_url = mixpeek.file_url(event["bucket"], event["key"])
    for scene in FileTools.split_video(file_url, scenes={"min": 2, "max": 30}):
        yield {
            "start": scene.start,
            "end": scene.end,
            "embedding": mixpeek.embed.video(scene, "weir/hog-512"),
        }
