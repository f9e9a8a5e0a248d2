// Loaded into every `wrangler dev` that Weir starts: closes wrangler's own doors to browsers. Any page of this machine may
// otherwise read every local bucket (/cdn-cgi/local/r2/public answers with CORS for all), write to databases, and debug
// the Workers, which is to run code in them; and no Worker stands before these doors. The texts are of wrangler's files
// as they are read; where one is no longer as it was, wrangler does not start rather than start open.
// test/dashboard/stranger.test.ts tries the doors.
import fs from "node:fs";

/** File → a text in it, and what stands there instead. */
const CLOSED = {
  "miniflare/dist/src/workers/core/entry.worker.js": {
    // What follows compares the names of hosts; a browser is refused whatever they are.
    found: "let exactHostnames = /* @__PURE__ */ new Set()",
    instead:
      'if (request.headers.has("Origin") || request.headers.has("Sec-Fetch-Site")) ' +
      'throw new HttpError(403, "This door is closed to browsers"); ' +
      "let exactHostnames = /* @__PURE__ */ new Set()",
  },
  "wrangler/wrangler-dist/cli.js": {
    // Debuggers: wrangler's own lets in all pages of this machine, workerd's behind it lets in every page there is.
    found: "if (input2.dev?.inspector === false) {",
    instead: "if (input2.dev?.inspector !== undefined) {",
  },
};

const { readFileSync } = fs;
fs.readFileSync = (path, ...options) => {
  const text = readFileSync(path, ...options);
  const [file, door] = Object.entries(CLOSED).find(([name]) => String(path).endsWith(name)) ?? [];
  if (!door) return text;
  if (!String(text).includes(door.found))
    throw new Error(
      `${file} is not as it was when its door was closed: see cli/local/closed-doors.mjs of Weir.`,
    );
  const closed = String(text).replace(door.found, door.instead);
  return typeof text === "string" ? closed : Buffer.from(closed);
};
