// The page as scripts/page.mjs builds it: each file's text by its name. It is not in git.
declare module "*/built/files.js" {
  export const files: Record<string, string>;
}
