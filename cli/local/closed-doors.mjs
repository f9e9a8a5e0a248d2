// Preload for every `wrangler dev` that Weir starts: closes wrangler's own HTTP doors to browsers. Otherwise any page
// open on this machine could read every local bucket, write to databases, and run code in the Workers by debugging
// them. It replaces texts of wrangler's files as they are read; where such a text has changed, wrangler does not
// start. test/dashboard/stranger.test.ts tries the doors.
import fs from "node:fs";

/** File → the text in it that is replaced, and the text that replaces it. */
const CLOSED = {
  "miniflare/dist/src/workers/core/entry.worker.js": {
    // The code after this text compares host names; a browser is refused for any host.
    found: "let exactHostnames = /* @__PURE__ */ new Set()",
    instead:
      'if (request.headers.has("Origin") || request.headers.has("Sec-Fetch-Site")) ' +
      'throw new HttpError(403, "This door is closed to browsers"); ' +
      "let exactHostnames = /* @__PURE__ */ new Set()",
  },
  "wrangler/wrangler-dist/cli.js": {
    // The debuggers of wrangler and workerd would let in any page.
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
      `The file ${file} of wrangler has changed, so that its door cannot be closed: see cli/local/closed-doors.mjs of Weir.`,
    );
  const closed = String(text).replace(door.found, door.instead);
  return typeof text === "string" ? closed : Buffer.from(closed);
};
