// The pipeline that ships, on the test project's connections.
export { default } from "../../../../pipelines/video-processor/handler.ts";
