// Fails each time, as a pipeline with a bug does.
import { definePipeline } from "weir";

export default definePipeline((event) => {
  throw new TypeError(`cannot read the bug of ${event.key}`);
});
