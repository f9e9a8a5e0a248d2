// Loaded into the `wrangler dev` of the local stack (stack.ts): its WEIR_COMMIT is what the file that WEIR_COMMIT_FILE
// names says at that moment. wrangler asks its environment again at every reload of a Worker, and a commit made
// meanwhile has no other way in: files of settings are read for the first Worker only.
import { readFileSync } from "node:fs";

const path = process.env.WEIR_COMMIT_FILE;
if (path) {
  const live = {
    enumerable: true,
    configurable: true,
    get() {
      try {
        return readFileSync(path, "utf8").trim();
      } catch {
        return "";
      }
    },
    // A copy of the environment that is written back.
    set() {},
  };
  // Node's own takes no accessors, and wrangler replaces it by a plain one anyway.
  let env = Object.defineProperty({ ...process.env }, "WEIR_COMMIT", live);
  Object.defineProperty(process, "env", {
    enumerable: true,
    configurable: true,
    get: () => env,
    set(next) {
      env = Object.defineProperty(next, "WEIR_COMMIT", live);
    },
  });
}
