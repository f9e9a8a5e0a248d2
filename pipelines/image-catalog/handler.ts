// Placeholder: describes an image by its key.
import { definePipeline } from "weir";

export default definePipeline(async (event) => [{ key: event.key }]);
