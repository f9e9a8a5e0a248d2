// Builds the page before any test: the router serves it, and it is not in git.
import { writePage } from "../../scripts/page.mjs";

export const setup = async (): Promise<void> => {
  await writePage();
};
