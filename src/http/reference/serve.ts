// Serves the API's reference at `/docs`, with a console to try each operation: Swagger UI over /openapi.json, from our own
// origin. It holds no data; a key that is typed into it stays in the page's memory.
import { Buffer } from "node:buffer";
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";

/**
 * Policy of the page: code and styles of its own folder alone, nothing inline as markup, requests to this origin alone.
 * Swagger UI sets styles by script, and draws its icons from data URLs.
 */
const headers = secureHeaders({
  strictTransportSecurity: false,
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: [(c) => new URL("/docs/", c.req.url).href],
    styleSrc: [(c) => new URL("/docs/", c.req.url).href],
    imgSrc: ["'self'", "data:"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
});

const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Weir: API reference</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const START = `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  filter: true,
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
});
`;

const TYPES: Record<string, string> = { js: "text/javascript", css: "text/css" };

export const reference = new Hono();

reference.get("/docs", headers, (c) => c.html(HTML, 200, { "cache-control": "no-cache" }));

reference.get("/docs/start.js", headers, (c) =>
  c.body(START, 200, { "content-type": "text/javascript; charset=utf-8", "cache-control": "no-cache" }),
);

reference.get("/docs/:name", headers, async (c, next) => {
  const name = c.req.param("name");
  // Loaded when it is first asked for: few ever do.
  const { files } = await import("./built/files.js");
  const packed = Object.hasOwn(files, name) ? files[name] : undefined;
  if (packed === undefined) return next();
  const type = TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream";
  c.header("content-type", `${type}; charset=utf-8`);
  c.header("content-encoding", "gzip");
  c.header("cache-control", "public, max-age=86400");
  return new Response(Buffer.from(packed, "base64"), {
    headers: c.res.headers,
    encodeBody: "manual",
  } as ResponseInit);
});
