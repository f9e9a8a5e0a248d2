// Preload for the `wrangler dev` of the local stack (workers.ts), with two things that wrangler lacks; closed-doors.mjs
// adds a third, and closes its doors to browsers.
// First, WEIR_COMMIT is always the present commit of the folder in WEIR_COMMIT_OF. wrangler reads its environment again
// whenever it reloads a Worker, and there is no other way to pass a new commit: files of settings are read once.
import { subscribe } from "node:diagnostics_channel";
import { commitOf } from "../git/git.ts";
import "./closed-doors.mjs";

/** Lifetime of an answer of git: the environment is copied many times in a row. */
const FRESH_MS = 100;

const folder = process.env.WEIR_COMMIT_OF;
if (folder) {
  const latest = { commit: "", at: Number.NEGATIVE_INFINITY };
  const live = {
    enumerable: true,
    configurable: true,
    get() {
      const now = performance.now();
      if (now - latest.at > FRESH_MS) {
        // Set first, since git runs with a copy of this environment.
        latest.at = now;
        latest.commit = commitOf(folder);
      }
      return latest.commit;
    },
    // Ignores a copy of the environment that is written back.
    set() {},
  };
  // The process.env of Node takes no accessors, and wrangler replaces it by a plain object anyway.
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

// Second, wrangler ends when the workerd that has the port ends by itself. Otherwise wrangler would start another that
// does not find the Workers, and every request would hang; this way the stack starts wrangler again.
const entry = `--socket-addr=entry=127.0.0.1:${process.env.WEIR_FRONT_PORT}`;
subscribe("child_process", (message) => {
  const { process: child } = /** @type {{ process: import("node:child_process").ChildProcess }} */ (message);
  child.once("exit", () => {
    // wrangler itself ends it at times, by `kill`.
    if (!child.killed && child.spawnargs.includes(entry)) {
      console.error("The process that listens for the Workers has ended.");
      process.exit(1);
    }
  });
});
