# Writes down what is said in a film or a recording: an item for each sentence, with its seconds, so that search finds
# the moment in which a word is said.
import os
from mixpeek import Mixpeek


def handler(event):
    mixpeek = Mixpeek(os.getenv("API_KEY"))
    file_url = mixpeek.file_url(event["bucket"], event["key"])
    transcript = mixpeek.transcribe(file_url)
    return [{**segment, "language": transcript["language"]} for segment in transcript["segments"]]
