// A handler.py as text: wrangler's rule for it is in the pipeline's generated config.
declare module "*.py" {
  const source: string;
  export default source;
}
