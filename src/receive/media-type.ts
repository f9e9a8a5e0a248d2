// Which Content-Types a delivery may have: the JSON family, and text/plain where SNS says it is SNS.

/** Whether a request announces a body that a sender of events would send. */
export function isAcceptableType(headers: Headers): boolean {
  const type = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (type === "text/plain") return headers.has("x-amz-sns-message-type");
  return /^application\/([a-z0-9.+-]+\+)?json$/.test(type);
}
