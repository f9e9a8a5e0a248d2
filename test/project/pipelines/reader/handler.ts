// Keeps what it read by the object's signed URL, so that a test can see whether that was the object named.
import { definePipeline } from "weir";

export default definePipeline(async (event, { weir }) => {
  const response = await fetch(await weir.fileUrl(event.bucket, event.key));
  if (!response.ok) throw new Error(`the signed URL answered ${response.status}`);
  const text = await response.text();
  return { key: event.key, size: text.length, text: text.slice(0, 200) };
});
