// Embeds what the payload says, by the models that it names.
import { definePipeline, FileTools } from "weir";

interface Asked {
  model?: string;
  texts?: string[];
  picture?: true;
}

export default definePipeline(async (event, { weir }) => {
  const { model = "test/tiny", texts, picture } = (event.payload ?? {}) as Asked;
  if (texts) {
    const embeddings = texts.map(async (text) => ({ text, embedding: await weir.embed.text(text, model) }));
    return Promise.all(embeddings);
  }
  const url = await weir.fileUrl(event.bucket, event.key);
  if (picture) return { embedding: await weir.embed.image(url, model) };
  const chunks = await FileTools.splitVideo(url, { frameInterval: 2 });
  return Promise.all(
    chunks.map(async (chunk) => ({ start: chunk.start, embedding: await weir.embed.video(chunk, model) })),
  );
});
