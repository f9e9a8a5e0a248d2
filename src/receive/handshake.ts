// The CloudEvents webhook handshake: a sender asks with OPTIONS whether it may deliver here.
// https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md

/**
 * Answers a validation request. Permission is no trust: every delivery must prove itself. The callback URL that a
 * sender may offer instead of waiting for this answer is never visited.
 */
export function handshakeResponse(request: Request): Response {
  const origin = request.headers.get("webhook-request-origin") ?? "";
  if (!/^[A-Za-z0-9.-]{1,253}$/.test(origin)) {
    return new Response(null, { status: 400, headers: { Allow: "POST" } });
  }
  const headers = new Headers({ Allow: "POST", "WebHook-Allowed-Origin": origin });
  if (request.headers.has("webhook-request-rate")) headers.set("WebHook-Allowed-Rate", "*");
  return new Response(null, { status: 200, headers });
}
