// Writes down what is said in a film or a recording: an item for each sentence, with its seconds, so that search finds
// the moment in which a word is said.
import { definePipeline } from "weir";

export default definePipeline(async (event, { weir }) => {
  const fileUrl = await weir.fileUrl(event.bucket, event.key);
  const { segments, language } = await weir.transcribe(fileUrl);
  return segments.map((segment) => ({ ...segment, language }));
});
