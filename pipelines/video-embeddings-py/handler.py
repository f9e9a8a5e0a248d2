import os
from mixpeek import Mixpeek, FileTools

def handler(event):
    mixpeek = Mixpeek(os.getenv('API_KEY'))
    file_url = mixpeek.file_url(event['bucket'], event['key'])
    video_chunks = FileTools.split_video(file_url, frame_interval=10)

    full_video = []

    for chunk in video_chunks:
        obj = {
            "embedding": mixpeek.embed.video(chunk, "mixpeek/vuse-generic-v1"),
        }
        full_video.append(obj)

    return full_video
