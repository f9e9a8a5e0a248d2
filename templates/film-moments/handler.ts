// Finds the moments of a film: an item for each scene, with its seconds and how it looks, so that a search ends at the
// second. To ask in words: `weir models add clip`, and its name here and in config.json.
import { definePipeline, FileTools } from "weir";

export default definePipeline(async (event, { weir }) => {
  const fileUrl = await weir.fileUrl(event.bucket, event.key);
  const scenes = await FileTools.splitVideo(fileUrl, { scenes: { min: 2, max: 30 } });
  return Promise.all(
    scenes.map(async (scene) => ({
      start: scene.start,
      end: scene.end,
      embedding: await weir.embed.video(scene, "weir/hog-512"),
    })),
  );
});
