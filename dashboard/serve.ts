/// <reference path="./modules.d.ts" />
// Serves the dashboard: the page at `/` and its files under `/dashboard/`, as scripts/page.mjs has built them. They hold
// no data and need no key; the browser fetches all that they show from the API (data/client.ts).
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { files } from "./built/files.js";

/** Policy of the page: no code from elsewhere or inline, no string as markup. Object keys are hostile input. */
const headers = secureHeaders({
  // Whether a whole domain is HTTPS only is for its owner to say.
  strictTransportSecurity: false,
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    // Only the page's own folder: /v1/objects/ of the same origin serves other people's files.
    scriptSrc: [(c) => new URL("/dashboard/", c.req.url).href],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", "data:"],
    mediaSrc: ["'self'"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
    requireTrustedTypesFor: ["'script'"],
    trustedTypes: ["'none'"],
  },
});

const FOREVER = "public, max-age=31536000, immutable";

export const dashboard = new Hono();

dashboard.get("/", headers, (c) => c.html(files["index.html"] ?? "", 200, { "cache-control": "no-cache" }));

// Names of scripts and styles hold the hash of their content.
dashboard.get("/dashboard/:name", headers, async (c, next) => {
  const name = c.req.param("name");
  const text = Object.hasOwn(files, name) ? files[name] : undefined;
  if (text === undefined || name === "index.html") return next();
  const type = name.endsWith(".css") ? "text/css" : "text/javascript";
  return c.body(text, 200, { "content-type": `${type}; charset=utf-8`, "cache-control": FOREVER });
});
