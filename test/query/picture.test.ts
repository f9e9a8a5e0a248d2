// A picture that a question names by its URL is fetched by the router: never from an address that only the router's own
// network has, wherever a public host leads, and never without a bound.
import { afterEach, describe, expect, test, vi } from "vitest";
import { openEnv } from "../../src/env.ts";
import { pictureUrl } from "../../src/query/question-picture.ts";
import { FailureError } from "../../src/shapes/failure.ts";
import { openMapBucket } from "../support/map-bucket.ts";

const env = openEnv({
  WEIR_URL: "https://weir.example.com",
  WEIR_SIGNING_KEY: "a key",
  ARCHIVE: openMapBucket().bucket,
});

/** The web, as far as these tests go: what each URL answers, and which were asked. */
function web(answers: Record<string, () => Response>) {
  const fetched: string[] = [];
  vi.stubGlobal("fetch", async (input: string | URL) => {
    const url = String(input);
    fetched.push(url);
    const answer = answers[url];
    if (!answer) throw new TypeError("fetch failed");
    return answer();
  });
  return fetched;
}
afterEach(() => void vi.unstubAllGlobals());

const leadTo = (location: string) => () => new Response(null, { status: 302, headers: { location } });
const ask = (url: string) => pictureUrl({ url }, { env, now: () => Date.parse("2026-11-27T10:00:00Z") });
const refusal = async (url: string) => {
  const error = await ask(url).catch((thrown: unknown) => thrown);
  if (!(error instanceof FailureError)) throw new Error(`${url} was not refused: ${String(error)}`);
  return error.failure;
};

const PRIVATE = [
  "http://127.0.0.1/x.png",
  "http://127.1/x.png",
  "http://2130706433/x.png",
  "http://0x7f.0.0.1/x.png",
  "http://0177.0.0.1/x.png",
  "http://0/x.png",
  "http://10.1.2.3/x.png",
  "http://172.16.0.1/x.png",
  "http://172.31.255.255/x.png",
  "http://192.168.1.1/x.png",
  "http://169.254.169.254/latest/meta-data/",
  "http://100.64.0.1/x.png",
  "http://198.18.0.1/x.png",
  "http://224.0.0.1/x.png",
  "http://255.255.255.255/x.png",
  "http://[::1]/x.png",
  "http://[::]/x.png",
  "http://[::ffff:127.0.0.1]/x.png",
  "http://[::ffff:a00:1]/x.png",
  "http://[64:ff9b::7f00:1]/x.png",
  "http://[2002:7f00:1::]/x.png",
  "http://[2001::7f00:1]/x.png",
  "http://[fe80::1]/x.png",
  "http://[fd00::1]/x.png",
  "http://localhost/x.png",
  "http://localhost./x.png",
  "http://LOCALHOST:8080/x.png",
  "http://a.localhost/x.png",
  "http://printer.local./x.png",
  "http://metadata.google.internal/computeMetadata/v1/",
  "http://intranet/x.png",
];

describe("the URL of a question's picture", () => {
  test.each(PRIVATE)("%s is refused, and nothing is fetched", async (url) => {
    const fetched = web({});
    expect(await refusal(url)).toMatchObject({ kind: "invalid", where: "image.url" });
    expect(fetched).toEqual([]);
  });

  test.each(PRIVATE)("a public host that leads to %s is not followed there", async (url) => {
    const first = "https://pictures.example.com/a.png";
    const fetched = web({ [first]: leadTo(url) });
    expect(await refusal(first)).toMatchObject({ kind: "invalid", where: "image.url" });
    expect(fetched).toEqual([first]);
  });

  test("is followed from public host to public host, three times and no further, and never off the web", async () => {
    const at = (n: number) => `https://p${n}.example.com/a.png`;
    const answers = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [at(n), leadTo(at(n + 1))]));
    const fetched = web({ ...answers, [at(3)]: () => new Response("a picture") });
    expect(await ask(at(0))).toMatch(/^https:\/\/weir\.example\.com\//);
    expect(fetched).toEqual([0, 1, 2, 3].map(at));
    const further = web(answers);
    expect((await refusal(at(0))).detail).toMatch(/more than 3 times/);
    expect(further).toHaveLength(4);
    for (const off of ["file:///etc/passwd", "ftp://p1.example.com/a", "http://"]) {
      web({ [at(0)]: leadTo(off) });
      expect(await refusal(at(0))).toMatchObject({ kind: "invalid" });
    }
  });

  test("that answers with more than 8 MB is cut off", async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 1_000_000;
        controller.enqueue(new Uint8Array(1_000_000));
      },
    });
    web({ "https://p.example.com/": () => new Response(endless) });
    expect(await refusal("https://p.example.com/")).toMatchObject({ kind: "too_large" });
    expect(sent).toBeLessThan(12_000_000);
  });

  test("of Weir's own is taken as it is: nothing is fetched", async () => {
    const fetched = web({});
    const own = "https://weir.example.com/o/a?signature=x";
    expect(await ask(own)).toBe(own);
    expect(fetched).toEqual([]);
  });
});
