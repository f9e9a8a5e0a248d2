// Stores what the object says, after failing as often as its metadata asks: for the model test.
import { definePipeline } from "weir";

const failures = new Map<string, number>();

export default definePipeline(async (event, { weir }) => {
  const name = `${event.key} ${event.etag}`;
  const failed = failures.get(name) ?? 0;
  if (failed < Number(event.metadata?.fails ?? 0)) {
    failures.set(name, failed + 1);
    throw new Error(`failing as asked, ${failed + 1}`);
  }
  const response = await fetch(await weir.fileUrl(event.bucket, event.key));
  if (response.status === 404) return [];
  if (!response.ok) throw new Error(`reading was answered ${response.status}`);
  return [{ body: await response.text() }];
});
