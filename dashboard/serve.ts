/// <reference path="./modules.d.ts" />
// Serves the dashboard: the page at `/` and its files under `/dashboard/`, as they are in this folder. They hold no data
// and need no key; the browser fetches all that they show from the read API (page/api.js).
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import frame from "./frame.css" with { type: "text" };
import html from "./index.html";
import api from "./page/api.js" with { type: "text" };
import dom from "./page/dom.js" with { type: "text" };
import events from "./page/events.js" with { type: "text" };
import format from "./page/format.js" with { type: "text" };
import items from "./page/items.js" with { type: "text" };
import ledger from "./page/ledger.js" with { type: "text" };
import main from "./page/main.js" with { type: "text" };
import media from "./page/media.js" with { type: "text" };
import overview from "./page/overview.js" with { type: "text" };
import parts from "./page/parts.js" with { type: "text" };
import replays from "./page/replays.js" with { type: "text" };
import route from "./page/route.js" with { type: "text" };
import runs from "./page/runs.js" with { type: "text" };
import search from "./page/search.js" with { type: "text" };
import views from "./views.css" with { type: "text" };

const scripts = {
  api,
  dom,
  events,
  format,
  items,
  ledger,
  main,
  media,
  overview,
  parts,
  replays,
  route,
  runs,
  search,
};

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

export const dashboard = new Hono();

const file = (path: string, type: string, text: string) =>
  dashboard.get(path, headers, (c) =>
    c.body(text, 200, { "content-type": `${type}; charset=utf-8`, "cache-control": "no-cache" }),
  );

file("/", "text/html", html);
file("/dashboard/frame.css", "text/css", frame);
file("/dashboard/views.css", "text/css", views);
for (const [name, text] of Object.entries(scripts)) file(`/dashboard/${name}.js`, "text/javascript", text);
