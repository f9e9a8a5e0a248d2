// Cuts a video into spans of ten seconds and embeds each.
import { definePipeline, FileTools } from "weir";

export default definePipeline(async (event, { weir }) => {
  const fileUrl = await weir.fileUrl(event.bucket, event.key);
  const chunks = await FileTools.splitVideo(fileUrl, { frameInterval: 10 });
  return Promise.all(
    chunks.map(async (chunk) => ({
      start: chunk.start,
      end: chunk.end,
      embedding: await weir.embed.video(chunk, "mixpeek/vuse-generic-v1"),
    })),
  );
});
