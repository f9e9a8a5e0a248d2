// Asking a collection through the real stack: in words, by a picture, by an item or a moment, by a vector; what is shown of
// the answers; and what is not an answer, which is never our fault.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeVideo } from "../../cli/sample-media/media.ts";
import { type SearchAnswer, type SearchRequest, WeirClient, WeirError } from "../../src/client/client.ts";
import { type Front, openFront } from "../support/front.ts";
import { png } from "../support/png.ts";
import { API_KEY, startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
let api: WeirClient;
/** Stands before compute, and may keep it away. */
let compute: Front;
let folder: string;

beforeAll(async () => {
  compute = await openFront();
  weir = await startWeir({}, async (url) => {
    compute.leadTo(url);
    return compute.origin;
  });
  api = new WeirClient({ url: weir.base, key: API_KEY });
  folder = await mkdtemp(join(tmpdir(), "weir-ask-"));
  const path = join(folder, "film.mp4");
  await makeVideo(path, { seconds: 8, width: 160, height: 96, fps: 10, gopSeconds: 1, scenes: 4, seed: 3 });
  await weir.put("test-media", "embedder/film.mp4", await readFile(path));
  await weir.put("test-media", "embedder/red.png", RED);
  await invoke("embedder/film.mp4", {});
  await invoke("embedder/red.png", { picture: true });
  await invoke("embedder/words.txt", { texts: ["a red car at night", "snow on the mountains"] });
}, 200_000);
afterAll(async () => {
  await weir?.close();
  await compute?.close();
  await rm(folder, { recursive: true, force: true });
});

const RED = png(32, 24, () => [255, 0, 0]);

async function invoke(key: string, payload: object): Promise<void> {
  if (key.endsWith(".txt")) await weir.put("test-media", key, "words");
  const answer = (await (await weir.invoke("embedder", { bucket: "test-media", key, payload })).json()) as {
    status: string;
  };
  expect(answer.status).toBe("succeeded");
}

const ask = (question: SearchRequest): Promise<SearchAnswer> => api.searchCollection("embedded", question);
const keysOf = ({ hits }: SearchAnswer) => hits.map(({ object }) => object.key);
const refusedBy = async (question: object, collection = "embedded") => {
  const error = await api
    .searchCollection(collection, question as SearchRequest)
    .catch((thrown: unknown) => thrown);
  if (!(error instanceof WeirError)) throw new Error("it was not refused");
  return { status: error.status, ...error.problem };
};

describe("a question", () => {
  test("in words finds by words and by the model that takes them, both legs named, the words marked", async () => {
    const { hits, left_out } = await ask({ text: "red cars" });
    expect(hits[0]).toMatchObject({
      object: { key: "embedder/words.txt" },
      data: { text: "a red car at night" },
      text: { rank: 1 },
      vector: { path: "embedding", model: "test/tiny" },
    });
    const [piece] = hits[0]?.highlights ?? [];
    const [from = 0, to = 0] = piece?.marks[0] ?? [];
    expect(piece?.text.slice(from, to)).toBe("red");
    expect(left_out).toEqual({ items: 0, spaces: [] });
  });

  test("by a picture finds that picture, by its bytes and by a URL", async () => {
    const byBytes = await ask({ image: { data: RED.toString("base64") }, limit: 1 });
    expect(keysOf(byBytes)).toEqual(["embedder/red.png"]);
    expect(byBytes.hits[0]?.vector?.score).toBeGreaterThan(0.99);
    const { url = null } = byBytes.hits[0]?.links ?? {};
    expect(keysOf(await ask({ image: { url: url ?? "" }, limit: 1 }))).toEqual(["embedder/red.png"]);
  });

  test("for more like an item, or like a second of a film, does not answer with that itself", async () => {
    const film = await ask({ filter: { object: { key: ["embedder/film.mp4"] } } });
    expect(film.hits.map(({ span }) => span?.start)).toEqual([0, 2, 4, 6]);
    const third = film.hits[2]?.item ?? "";
    for (const like of [{ item: third }, { object: { key: "embedder/film.mp4" }, second: 5 }]) {
      const alike = await ask({ like });
      expect(alike.hits.length).toBeGreaterThan(3);
      expect(alike.hits.map(({ item }) => item)).not.toContain(third);
    }
  });

  test("by a vector is compared with those of its kind", async () => {
    const [item] = await weir.items("embedded", "embedder/red.png");
    const values =
      (await api.getItem("embedded", item?.id ?? "", { vectors: "true" })).vectors[0]?.values ?? [];
    expect(keysOf(await ask({ vector: values, limit: 1 }))).toEqual(["embedder/red.png"]);
    expect(await refusedBy({ vector: [1, 2, 3] })).toMatchObject({ status: 400, where: "vector" });
  });

  test("with a filter answers as if the rest did not exist; grouped, one item of each object", async () => {
    const spans = await ask({ text: "red", filter: { span: { start: [{ numeric: [">=", 4] }] } } });
    expect(keysOf(spans)).toEqual(["embedder/film.mp4", "embedder/film.mp4"]);
    const grouped = keysOf(await ask({ text: "red", group: "object" }));
    expect(grouped.toSorted()).toEqual(["embedder/film.mp4", "embedder/red.png", "embedder/words.txt"]);
  });

  test("has pages that neither skip nor repeat, and a page of another question is refused", async () => {
    const whole = await ask({ text: "red car" });
    const items: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await ask({ text: "red car", limit: 2, ...(cursor !== undefined && { cursor }) });
      items.push(...page.hits.map(({ item }) => item));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(items).toEqual(whole.hits.map(({ item }) => item));
    const { next } = await ask({ text: "red car", limit: 2 });
    expect(await refusedBy({ text: "blue car", cursor: next })).toMatchObject({
      status: 400,
      where: "cursor",
    });
  });

  test("that no model here takes is answered by words, and says what that leaves out", async () => {
    await weir.put("test-photos", "harbour.png", RED);
    const run = await weir.invoke("image-catalog", { bucket: "test-photos", key: "harbour.png" });
    expect(run.status).toBe(200);
    const answer = await api.searchCollection("image_catalog", { text: "harbour", explain: true });
    expect(keysOf(answer)).toEqual(["harbour.png"]);
    expect(answer.left_out).toMatchObject({
      items: 1,
      spaces: [{ path: "embedding", why: "weir/hog-512 takes video and image, no text." }],
    });
    expect(answer.notes).toEqual([expect.stringContaining("how pictures look, not what they mean")]);
    expect((await ask({ text: "red" })).notes).toEqual([]);
    expect(answer.explain?.spaces).toMatchObject([{ compared: false, vectors: 1 }]);
    expect(await refusedBy({ text: "harbour", mode: "vector" }, "image_catalog")).toMatchObject({
      status: 422,
    });
  });
});

describe("while compute is away", () => {
  afterAll(() => {
    delete compute.faults;
  });

  test("words are answered at once by words, and it says what that leaves out", async () => {
    await ask({ text: "a car that is known" });
    const calls: string[] = [];
    compute.faults = (path) => {
      calls.push(path);
      return "refused";
    };
    const began = Date.now();
    const { hits, left_out } = await ask({ text: "cars in snow" });
    expect(Date.now() - began).toBeLessThan(4_000);
    expect(hits.map(({ vector, text }) => [vector, typeof text?.rank])).toEqual(
      hits.map(() => [undefined, "number"]),
    );
    expect(keysOf({ hits } as SearchAnswer)).toContain("embedder/words.txt");
    expect(left_out.items).toBeGreaterThan(5);
    expect(left_out.spaces[0]?.why).toContain("did not answer");
    expect(calls.length).toBeGreaterThan(0);
    // What was computed for a question before is known.
    const known = await ask({ text: "a car that is known" });
    expect(known.hits[0]?.vector).toBeDefined();
  });

  test("what only a vector can answer is 503, with how long to wait", { timeout: 60_000 }, async () => {
    compute.faults = () => "refused";
    const error = await ask({ text: "nobody knows", mode: "vector" }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 503, retryAfter: expect.any(Number) });
    const byPicture = await ask({ image: { data: RED.toString("base64") } }).catch(
      (thrown: unknown) => thrown,
    );
    expect(byPicture).toMatchObject({
      status: 503,
      problem: { next: expect.stringContaining("ask again in") },
    });
  });
});

describe("what is shown of a hit", () => {
  const bytesAt = async (url: string | null | undefined) => {
    const response = await fetch(url ?? "");
    return { response, bytes: new Uint8Array(await response.arrayBuffer()) };
  };

  test("a thumbnail and a clip are made once, of the version that was found, and of no other", async () => {
    await weir.put("test-media", "embedder/again.mp4", await readFile(join(folder, "film.mp4")));
    await invoke("embedder/again.mp4", {});
    const { hits } = await ask({ filter: { object: { key: ["embedder/again.mp4"] } } });
    const { links } = hits[1] ?? {};
    const { response, bytes } = await bytesAt(links?.thumbnail);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "image/jpeg"]);
    expect([...bytes.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
    const clip = await bytesAt(links?.clip);
    expect([clip.response.status, clip.response.headers.get("content-type")]).toEqual([200, "video/mp4"]);
    expect(Buffer.from(clip.bytes.subarray(4, 8)).toString()).toBe("ftyp");
    expect(links?.url).toMatch(/\/v1\/objects\/.*#t=2,4$/);
    expect((await fetch(links?.url ?? "")).status).toBe(200);

    await weir.put("test-media", "embedder/again.mp4", "another");
    // Kept from before: the version that was found.
    expect((await bytesAt(links?.thumbnail)).response.status).toBe(200);
    expect((await bytesAt(hits[2]?.links.thumbnail)).response.status).toBe(404);
    const forged = new URL(links?.thumbnail ?? "");
    forged.searchParams.set("at", "3");
    expect((await bytesAt(forged.href)).response.status).toBe(403);
  });

  test("the link to its lineage needs a key", async () => {
    const { hits } = await ask({ text: "snow", limit: 1 });
    const { pathname } = new URL(hits[0]?.links.lineage ?? "");
    expect((await weir.fetch(pathname)).status).toBe(401);
    expect((await weir.api(pathname)).status).toBe(200);
  });
});

describe("a question that is none", () => {
  test.each<[string, object, string, number, string]>([
    ["two subjects", { text: "a", like: { item: "itm_1" } }, "embedded", 400, "one subject"],
    ["a filter that is none", { filter: { object: { colour: ["red"] } } }, "embedded", 400, "object"],
    ["a name that is none", { text: "a" }, "nothing", 404, "nothing"],
    ["an item that is not there", { like: { item: `itm_${"0".repeat(32)}_0` } }, "embedded", 404, "item"],
    ["an object that is not there", { like: { object: { key: "no" } } }, "embedded", 404, "no"],
    ["a path that is none", { text: "a", path: "faces" }, "embedded", 400, "faces"],
    ["a picture that is none", { image: { data: "AAAA" } }, "embedded", 422, ""],
    ["a URL that does not answer", { image: { url: "http://127.0.0.1:1/x.png" } }, "embedded", 400, "answer"],
    ["by text without words", { image: { data: "AAAA" }, mode: "text" }, "embedded", 400, "words"],
  ])("%s is refused with what to do", async (_, question, collection, status, words) => {
    const refused = await refusedBy(question, collection);
    expect([refused.status, refused.detail]).toEqual([status, expect.stringContaining(words)]);
  });

  test("in whatever characters is answered, never 5xx", { timeout: 400_000 }, async () => {
    const text = fc.oneof(
      { weight: 60, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
      { weight: 20, arbitrary: fc.string({ unit: "grapheme", maxLength: 200 }) },
      {
        weight: 30,
        arbitrary: fc
          .array(
            fc.constantFrom(
              ...[
                '"',
                "*",
                "NEAR(",
                "AND",
                "OR NOT",
                "a\u0000b",
                "\ud800",
                "👩‍👩‍👧",
                "שלום",
                "{prose} :",
                "^",
                "-",
                "(",
                ")",
              ],
              ...[
                "'; DROP TABLE words;--",
                "%",
                "\\",
                "<b>",
                "東京",
                "rank:",
                "bm25(words)",
                "IMG_2041.JPG",
                " ",
              ],
            ),
            { maxLength: 8 },
          )
          .map((parts) => parts.join("")),
      },
      { weight: 1, arbitrary: fc.nat(100_000).map((length) => "x ".repeat(length / 2)) },
    );
    const questions = fc.sample(text, { numRuns: QUESTIONS, seed: SEED });
    const headers = { "content-type": "application/json" };
    const wrong: unknown[] = [];
    let next = 0;
    const lane = async () => {
      for (let n = next++; n < questions.length; n = next++) {
        const mode = n % 10 === 0 ? "hybrid" : "text";
        const body = JSON.stringify({ text: questions[n], mode, limit: 1 });
        const response = await weir.api("/v1/collections/embedded/search", { method: "POST", headers, body });
        if (response.status !== 200) wrong.push([SEED, response.status, questions[n], await response.text()]);
        else await response.body?.cancel();
      }
    };
    await Promise.all(Array.from({ length: 8 }, lane));
    expect(wrong).toEqual([]);
  });
});

/** Questions in random characters: others each time. `WEIR_QUESTIONS=10000` asks more. */
const QUESTIONS = Number(process.env.WEIR_QUESTIONS ?? 2_000);
const SEED = Date.now() % 2 ** 31;

test("the list of items takes the same filter, page by page, and refuses what is none", async () => {
  const filter = JSON.stringify({ span: { start: [{ numeric: [">=", 2] }] } });
  const key = "embedder/film.mp4";
  const first = await api.listItems("embedded", { filter, key, limit: 2 });
  const rest = await api.listItems("embedded", { filter, key, limit: 2, cursor: first.next ?? "" });
  const starts = [...first.data, ...rest.data].map(({ vectors }) => vectors[0]?.span?.start);
  expect([starts, rest.next]).toEqual([[2, 4, 6], undefined]);
  await expect(api.listItems("embedded", { filter: "{" })).rejects.toMatchObject({ status: 400 });
  await expect(api.listItems("embedded", { filter: '{"colour":["red"]}' })).rejects.toMatchObject({
    status: 400,
  });
});

test("the list of items comes in the order of a name, page by page, and refuses what is none", async () => {
  const all = (await api.listItems("embedded", { limit: 200 })).data;
  for (const sort of ["-span.start", "object.key", "stored_at", "-data.text"]) {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await api.listItems("embedded", { sort, limit: 2, ...(cursor && { cursor }) });
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.next;
    } while (cursor);
    expect(seen.toSorted(), sort).toEqual(all.map(({ id }) => id).toSorted());
  }
  const { data } = await api.listItems("embedded", {
    sort: "-data.text",
    filter: '{"data":{"text":[{"exists":true}]}}',
  });
  expect(data.map((item) => item.data.text)).toEqual(["snow on the mountains", "a red car at night"]);
  const keys = (await api.listItems("embedded", { sort: "object.key", limit: 200 })).data;
  expect(keys.map(({ object }) => object.key)).toEqual(all.map(({ object }) => object.key).toSorted());
  for (const sort of ["colour", "data", "-", "object.key.x"])
    await expect(api.listItems("embedded", { sort }), sort).rejects.toMatchObject({ status: 400 });
  // A place that no page gave.
  const { next = "" } = await api.listItems("embedded", { sort: "object.key", limit: 1 });
  const { l } = JSON.parse(Buffer.from(next, "base64url").toString()) as { l: string };
  const cursor = Buffer.from(JSON.stringify({ l, k: ["{", "itm"] })).toString("base64url");
  await expect(api.listItems("embedded", { sort: "object.key", cursor })).rejects.toMatchObject({
    status: 400,
  });
});

test("a key with the scope search asks, and does nothing else", async () => {
  const { key } = await api.createKey({ name: "asker", scopes: ["search"] });
  const asker = new WeirClient({ url: weir.base, key });
  expect((await asker.searchCollection("embedded", { text: "red" })).hits.length).toBeGreaterThan(0);
  await expect(asker.listRuns()).rejects.toMatchObject({ status: 403 });
});
