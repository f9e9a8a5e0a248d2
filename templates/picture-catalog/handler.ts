// Catalogues a picture: its format, size and dominant colours, and how it looks, so that a search finds similar ones.
// To ask in words: `weir models add clip`, and its name here and in config.json.
import { definePipeline, FileTools } from "weir";

export default definePipeline(async (event, { weir }) => {
  const fileUrl = await weir.fileUrl(event.bucket, event.key);
  const [image, embedding] = await Promise.all([
    FileTools.imageInfo(fileUrl),
    weir.embed.image(fileUrl, "weir/hog-512"),
  ]);
  return { ...image, embedding };
});
