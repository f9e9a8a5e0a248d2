// Loaded into the `wrangler dev` of the local stack (workers.ts), for two things that wrangler lacks; a third, that
// its doors are closed to browsers, is closed-doors.mjs's.
// The first: its WEIR_COMMIT is the commit of the folder that WEIR_COMMIT_OF names, as it is at that moment. wrangler asks its environment again at every reload of a Worker, and
// a commit or an edit made meanwhile has no other way in: files of settings are read for the first Worker only.
import { subscribe } from "node:diagnostics_channel";
import { commitOf } from "../git/git.ts";
import "./closed-doors.mjs";

/** The environment is copied many times in a row; git is asked once for them. */
const FRESH_MS = 100;

const folder = process.env.WEIR_COMMIT_OF;
if (folder) {
  const known = { commit: "", at: Number.NEGATIVE_INFINITY };
  const live = {
    enumerable: true,
    configurable: true,
    get() {
      const now = performance.now();
      if (now - known.at > FRESH_MS) {
        // First, since git is asked with a copy of this environment.
        known.at = now;
        known.commit = commitOf(folder);
      }
      return known.commit;
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

// The second: where the workerd ends that has the port, by itself, wrangler starts another that never learns where
// the Workers are, and every request hangs. Then wrangler ends, requests fail at once, and the stack starts it again.
const entry = `--socket-addr=entry=127.0.0.1:${process.env.WEIR_FRONT_PORT}`;
subscribe("child_process", (message) => {
  const { process: child } = /** @type {{ process: import("node:child_process").ChildProcess }} */ (message);
  child.once("exit", () => {
    // wrangler ends it itself at times, by `kill`.
    if (!child.killed && child.spawnargs.includes(entry)) {
      console.error("the process that listens for the Workers has ended");
      process.exit(1);
    }
  });
});
