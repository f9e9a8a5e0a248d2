// The twin of video-embeddings-py: the same items, in TypeScript.
import { definePipeline, FileTools } from "weir";

export default definePipeline(async (event, { weir }) => {
  const fileUrl = await weir.fileUrl(event.bucket, event.key);
  const videoChunks = await FileTools.splitVideo(fileUrl, { frameInterval: 10 });
  return Promise.all(
    videoChunks.map(async (chunk) => ({
      embedding: await weir.embed.video(chunk, "mixpeek/vuse-generic-v1"),
    })),
  );
});
