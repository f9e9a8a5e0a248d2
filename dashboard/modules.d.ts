// Files that the bundler hands over as text: wrangler's own rule for HTML, `with { type: "text" }` for others.
declare module "*.html" {
  const text: string;
  export default text;
}
declare module "*.css" {
  const text: string;
  export default text;
}
declare module "*.js" {
  const text: string;
  export default text;
}
