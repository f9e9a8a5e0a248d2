// Waits: until it is told to stop, or, deaf to that, until an object `<key>.go` is there.
import { definePipeline } from "weir";

export default definePipeline(async (event, { weir, signal }) => {
  if (event.payload === "listen" || event.metadata?.deaf === undefined) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    console.log(JSON.stringify({ log: "waiter.told", key: event.key }));
    throw signal.reason;
  }
  for (;;) {
    const response = await weir.fileUrl(event.bucket, `${event.key}.go`).then(fetch, () => null);
    if (response?.ok) return { went: await response.text() };
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
});
