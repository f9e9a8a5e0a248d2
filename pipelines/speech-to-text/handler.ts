// Writes down what is said in a film: an item for each sentence, with its seconds, so that search finds the moment.
import { definePipeline } from "weir";

export default definePipeline(async (event, { weir }) => {
  const fileUrl = await weir.fileUrl(event.bucket, event.key);
  const { segments, words, language } = await weir.transcribe(fileUrl, { model: "speech" });
  return segments.map((segment) => ({
    ...segment,
    language,
    words: words.filter(({ start }) => segment.start <= start && start < segment.end),
  }));
});
