// Content-Types that a delivery may have: the JSON family, and text/plain with the headers of SNS.

/** Whether a request's Content-Type is one that senders of events use. */
export function isAcceptableType(headers: Headers): boolean {
  const type = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (type === "text/plain") return headers.has("x-amz-sns-message-type");
  return /^application\/([a-z0-9.+-]+\+)?json$/.test(type);
}
