// Catalogues a picture: its size, its dominant colours, and how it looks.
import { definePipeline, FileTools } from "weir";

export default definePipeline(async (event, { weir }) => {
  const fileUrl = await weir.fileUrl(event.bucket, event.key);
  const [image, embedding] = await Promise.all([
    FileTools.imageInfo(fileUrl),
    weir.embed.image(fileUrl, "weir/hog-512"),
  ]);
  return { ...image, embedding };
});
