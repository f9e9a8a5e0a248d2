// The repository that the seed's document draws, file by file, with the document's own example text. Where the
// document was cut off in the middle of it (the dict and the append of the handler, the braces of config.json) it is
// completed, and nowhere else; the aliases and collections tell the three pipelines apart.
import type { Files } from "../cli/support/given.ts";

export const HANDLER = `import os
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
`;

export const config = (alias: string) => `{
  "alias": "${alias}",
  "destination": {
    "connection_id": "conn_123",
    "collection": "data_bucket"
  },
  "source": {
    "connection_id": "conn_321",
    "filters": {
      "foo": "bar"
    }
  }
}
`;

export const ALIASES = ["video-processor", "video-processor-2", "video-processor-3"] as const;

export const seed: Files = {
  ".github/workflows/build-and-push-docker.yml": "name: build and push docker\non: push\njobs: {}\n",
  ...Object.assign(
    {},
    ...ALIASES.map((alias, at) => ({
      [`pipeline${at + 1}/handler.py`]: HANDLER,
      [`pipeline${at + 1}/config.json`]: config(alias),
    })),
  ),
};
