interface BuiltPage {
  /** Each file's text by its name. */
  files: Record<string, string>;
  /** Names of the files that the first view needs. */
  first: string[];
}
export function buildPage(): Promise<BuiltPage>;
export function writePage(): Promise<BuiltPage>;
