import { AwsClient } from "aws4fetch";
import { describe, expect, test } from "vitest";
import { canonicalRequest, signature, stringToSign } from "../../src/receive/verify/sigv4-stages.ts";
import { sha256Hex } from "../../src/shapes/hash.ts";
import { ACCESS_KEY, door, type Message, NOW, SECRETS, urlOf } from "./given.ts";
import { records, s3Record } from "./records.ts";

const KEYS = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRETS.AWS_SECRET ?? "" };
const EMPTY = sha256Hex("");
const SCOPE = { date: "20150830", region: "us-east-1", service: "service" };
const AMZ_DATE = "20150830T123600Z";

describe("AWS's published example, stage by stage", () => {
  const url = new URL("https://example.amazonaws.com/");
  const headers = new Headers({ host: "example.amazonaws.com", "x-amz-date": AMZ_DATE });
  const canonical =
    canonicalRequest({ method: "GET", url, headers, names: ["host", "x-amz-date"] }, EMPTY, "service") ?? "";

  test("get-vanilla: canonical request", () => {
    expect(sha256Hex(canonical)).toBe("bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63");
  });
  test("get-vanilla: signature", () => {
    const toSign = stringToSign(canonical, AMZ_DATE, SCOPE);
    expect(signature(toSign, KEYS.secretAccessKey, SCOPE)).toBe(
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    );
  });
});

// The published cases by their names, signed by an independent signer (aws4fetch) and verified by ours.
const BASE = "https://example.amazonaws.com";
test.each([
  ["get-vanilla-query", "GET", "/", {}],
  ["get-vanilla-query-order-key", "GET", "/?Param2=value2&Param1=value1", {}],
  ["get-vanilla-query-order-key-case", "GET", "/?Param1=value2&param1=Value1", {}],
  ["get-vanilla-query-order-value", "GET", "/?Param1=value2&Param1=value1", {}],
  ["get-vanilla-empty-query-key", "GET", "/?Param1=value1", {}],
  ["get-vanilla-query-unreserved", "GET", "/?-._~0123456789ABCabc=-._~0123456789ABCabc", {}],
  ["get-vanilla-utf8-query", "GET", "/?ሴ=bar", {}],
  ["get-unreserved", "GET", "/-._~0123456789ABCabc", {}],
  ["get-utf8", "GET", "/ሴ", {}],
  ["get-space", "GET", "/example%20space/", {}],
  ["get-slash-dot-slash", "GET", "/./", {}],
  ["get-header-value-trim", "GET", "/", { "My-Header1": " value1", "My-Header2": ' "a   b   c"' }],
  ["get-header-key-duplicate", "GET", "/", { "My-Header1": "value2,value2,value1" }],
  ["post-header-key-sort", "POST", "/", { "My-Header1": "value1" }],
  ["post-header-value-case", "POST", "/", { "My-Header1": "VALUE1" }],
  ["post-vanilla-query", "POST", "/?Param1=value1", {}],
  ["post-x-www-form-urlencoded", "POST", "/", { "Content-Type": "application/x-www-form-urlencoded" }],
  ["a plus and an escape in the query", "GET", "/?a=%2B&b=%25&c=%20d", {}],
  ["an escape in the path, encoded twice", "GET", "/a%2Fb/c%2520d", {}],
])("%s", async (_, method, path, headers) => {
  // For S3 the other signer drops repeated parameters and opens escaped slashes, which AWS does not.
  const apart = /Param1=.*Param1=|%2Fb/.test(path);
  for (const service of apart ? ["service"] : ["service", "s3"]) {
    const client = new AwsClient({ ...KEYS, service, region: "us-east-1" });
    const signed = await client.sign(`${BASE}${path}`, {
      method,
      headers,
      aws: { allHeaders: true, datetime: AMZ_DATE },
    });
    const [, names = "", given] =
      /SignedHeaders=(.*), Signature=(.*)$/.exec(signed.headers.get("authorization") ?? "") ?? [];
    const all = new Headers(signed.headers);
    all.set("host", "example.amazonaws.com");
    const hash = service === "s3" ? "UNSIGNED-PAYLOAD" : EMPTY;
    const request = { method, url: new URL(signed.url), headers: all, names: names.split(";") };
    const canonical = canonicalRequest(request, hash, service) ?? "";
    const scope = { ...SCOPE, service };
    expect(signature(stringToSign(canonical, AMZ_DATE, scope), KEYS.secretAccessKey, scope)).toBe(given);
  }
});

describe("the door", () => {
  const BODY = records(s3Record());
  interface Signing {
    service?: string;
    region?: string;
    at?: number;
    headers?: Record<string, string>;
    allHeaders?: boolean;
    body?: string;
  }
  async function signed({
    service = "execute-api",
    region = "us-east-1",
    at = NOW,
    ...over
  }: Signing = {}): Promise<Message> {
    const body = over.body ?? BODY;
    const request = await new AwsClient({ ...KEYS, service, region }).sign(urlOf("conn_sigv4"), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-amz-content-sha256": sha256Hex(body),
        ...over.headers,
      },
      body,
      aws: {
        allHeaders: over.allHeaders ?? true,
        datetime: new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, ""),
      },
    });
    return { headers: Object.fromEntries(request.headers), body };
  }
  const refused = { failure: { kind: "unproven" } };

  test("takes a request with everything signed", async () => {
    expect(await door().deliver("conn_sigv4", await signed())).toMatchObject({ ok: true });
  });
  test("refuses one whose content type is not signed", async () => {
    expect(await door().deliver("conn_sigv4", await signed({ allHeaders: false }))).toMatchObject(refused);
  });
  test("refuses an unsigned payload, though the signature is right", async () => {
    const headers = { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" };
    expect(await door().deliver("conn_sigv4", await signed({ headers }))).toMatchObject(refused);
  });
  test("refuses another region, service or key", async () => {
    expect(await door().deliver("conn_sigv4", await signed({ region: "eu-west-1" }))).toMatchObject(refused);
    expect(await door().deliver("conn_sigv4", await signed({ service: "s3" }))).toMatchObject(refused);
  });
  test.each(["host", "x-amz-date", "x-amz-content-sha256"])(
    "refuses a request without %s among what is signed",
    async (name) => {
      const message = await signed();
      const authorization = (message.headers.authorization ?? "").replace(
        new RegExp(`(;${name}\\b|\\b${name};)`),
        "",
      );
      expect(authorization).not.toBe(message.headers.authorization);
      expect(
        await door().deliver("conn_sigv4", { ...message, headers: { ...message.headers, authorization } }),
      ).toMatchObject(refused);
    },
  );
  test("refuses a date that is not the scope's, or none", async () => {
    const message = await signed();
    for (const date of ["20261124T120000Z", "20261123", "20261123T126000Z", "now", ""]) {
      const headers = { ...message.headers, "x-amz-date": date };
      expect(await door().deliver("conn_sigv4", { ...message, headers })).toMatchObject(refused);
    }
  });
  test("refuses the same signature for another path, query or method", async () => {
    const { deps } = door();
    const { receiveWebhook } = await import("../../src/receive/webhook.ts");
    const { headers, body } = await signed();
    for (const [url, method] of [
      [`${urlOf("conn_sigv4")}/`, "POST"],
      [`${urlOf("conn_sigv4")}?a=b`, "POST"],
      [urlOf("conn_sigv4"), "PUT"],
      ["https://other.test/v1/connections/conn_sigv4/events", "POST"],
    ] as const) {
      expect(
        await receiveWebhook(new Request(url, { method, headers, body }), "conn_sigv4", deps),
        url,
      ).toMatchObject(refused);
    }
  });
});
