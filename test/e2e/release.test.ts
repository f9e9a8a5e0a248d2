// From a commit to what runs, as a person meets it: the seed's own repository becomes a project, takes a video in, is
// changed, replayed and rolled back. One repository and one `weir dev`, in the order in which things happen.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ComparisonReport } from "../../cli/compare/report.ts";
import type { Replay } from "../../cli/operate/client.ts";
import { makeVideo } from "../../cli/sample-media/media.ts";
import { hasPython } from "../python/given.ts";
import { type Repository, repository } from "../support/project.ts";
import { ALIASES, config, HANDLER, seed } from "../support/seed.ts";

interface Item {
  id: string;
  pipeline: string;
  version: string;
  commit: string;
  object: { key: string };
  data: object;
  vectors: { model: string; dims: number; span: { start: number; end: number } }[];
}
interface Version {
  version: string;
  deployed: boolean;
  items: number;
  objects: number;
  commits: string[];
}
const [, SECOND] = ALIASES;

describe.skipIf(!hasPython)("the seed's repository", () => {
  let project: Repository;
  const commits: string[] = [];

  const items = async (alias?: string): Promise<Item[]> => {
    const { data } = await project.read<{ data: Item[] }>(
      "/v1/collections/data_bucket/items?limit=200&vectors=true",
    );
    return alias === undefined ? data : data.filter(({ pipeline }) => pipeline === alias);
  };
  const versions = async (alias: string) =>
    (await project.read<{ data: Version[] }>(`/v1/pipelines/${alias}/versions`)).data;
  const runs = async () => (await project.read<{ data: { status: string }[] }>("/v1/runs?limit=200")).data;

  beforeAll(async () => {
    project = repository(seed);
    project.git("init", "-q");
    commits.push(project.commit("as the document draws it"));
  });
  afterAll(() => project?.close());

  test("becomes a project by weir init, its handlers untouched, and validates", async () => {
    expect(await project.weir("init", ".")).toMatchObject({ code: 0 });
    for (const alias of ALIASES) {
      expect(project.text(`pipelines/${alias}/handler.py`)).toBe(HANDLER);
      expect(project.text(`pipelines/${alias}/config.json`)).toBe(config(alias));
    }
    expect(await project.weir("validate")).toMatchObject({ code: 0 });
    commits.push(project.commit("a Weir project"));
  });

  test("runs, and a video that is put ends in items of all three, at that commit", {
    timeout: 150_000,
  }, async () => {
    await project.dev();
    const film = join(project.root, ".weir/film.mp4");
    await makeVideo(film, { seconds: 25, width: 320, height: 180, fps: 10, gopSeconds: 2, seed: 3 });
    for (const name of ["one.mp4", "two.mp4"]) {
      const target = `weir-conn-321/films/${name}`;
      expect(
        await project.weir("put", film, target, "--metadata", "foo=bar", "--url", project.url()),
      ).toMatchObject({ code: 0 });
    }
    await rm(film);
    const stored = await project.until(items, (found) => found.length === 18);
    await project.until(
      runs,
      (found) => found.length === 6 && found.every(({ status }) => status === "succeeded"),
    );
    for (const alias of ALIASES) {
      const own = stored.filter((item) => item.pipeline === alias && item.object.key === "films/one.mp4");
      expect(own.map(({ vectors }) => vectors)).toMatchObject(
        [
          [0, 10],
          [10, 20],
          [20, 25],
        ].map(([start, end]) => [{ dims: 512, model: "weir/hog-512", span: { start, end } }]),
      );
      expect(new Set(own.map(({ commit }) => commit))).toEqual(new Set([commits[1]]));
    }
  });

  describe("one pipeline changed under weir dev", () => {
    /** With where each chunk begins. */
    const CHANGED = HANDLER.replace("obj = {", 'obj = {\n            "start": chunk.start,');
    let before: Item[];
    const stale = ["replay", "create", "--select", "stale"];

    test("runs at once, at a new version; its items are stale, and nobody else's", {
      timeout: 90_000,
    }, async () => {
      before = await items();
      project.edit({ [`pipelines/${SECOND}/handler.py`]: CHANGED });
      await project.until(
        () => versions(SECOND),
        (found) => found.find(({ deployed }) => deployed)?.objects === 0,
      );
      commits.push(project.commit("tell where chunks begin"));
      const planned = await project.told<Replay>(...stale, "--dry-run");
      expect(planned.plan.objects).toBe(2);
      expect(planned.plan.sample.map(({ alias, key }) => [alias, key]).sort()).toEqual([
        [SECOND, "films/one.mp4"],
        [SECOND, "films/two.mp4"],
      ]);
      expect(await items()).toEqual(before);
      const listed = await project.told<{ data: Item[] }>("items", "data_bucket", "--stale");
      expect(listed.data.map(({ id }) => id)).toEqual(
        before.filter(({ pipeline }) => pipeline === SECOND).map(({ id }) => id),
      );
    });

    test("is replayed: its items name the new version and commit, all others are the same to the byte", {
      timeout: 90_000,
    }, async () => {
      expect(await project.weir(...stale, "--wait")).toMatchObject({ code: 0 });
      const changed = await project.until(
        () => items(SECOND),
        (found) => found.every(({ data }) => "start" in data),
      );
      const [now, then] = await versions(SECOND);
      expect(now).toMatchObject({ deployed: true, objects: 2, items: 6, commits: [commits[2]] });
      expect(then).toMatchObject({ deployed: false, objects: 0, items: 0 });
      expect(now?.version).not.toBe(then?.version);
      for (const { id } of changed) {
        const lineage = await project.read(`/v1/collections/data_bucket/items/${id}/lineage`);
        expect(lineage).toMatchObject({
          pipeline: { alias: SECOND, version: now?.version, commit: commits[2] },
        });
      }
      const others = (all: Item[]) => all.filter(({ pipeline }) => pipeline !== SECOND);
      expect(others(await items())).toEqual(others(before));
      expect((await project.told<Replay>(...stale, "--dry-run")).plan.objects).toBe(0);
    });

    test("is compared before anything is stored: what is added, changed and moved, and nothing else happens", {
      timeout: 90_000,
    }, async () => {
      const [kept, ran] = [await items(), (await runs()).length];
      const compare = ["compare", SECOND, "--sample", "5"];
      const same = await project.told<ComparisonReport & { version: string }>(
        ...compare,
        "--max-changed",
        "0",
      );
      expect(same).toMatchObject({
        ok: true,
        objects: { compared: 2, failed: 0, changed_since: 0 },
        items: { same: 6, changed: 0, added: 0, removed: 0 },
        drift: { vectors: 6, max: expect.closeTo(0, 5) },
        neighbours: { vectors: 6, overlap: 1 },
      });
      // Half as long chunks, and another name in each item.
      const changed = CHANGED.replace("frame_interval=10", "frame_interval=5").replace('"start"', '"from"');
      project.edit({ [`pipelines/${SECOND}/handler.py`]: changed });
      const due = [{ key: "films/two.mp4", second: 17 }];
      const questions = [
        { name: "ten seconds on", like: "films/one.mp4@7", expect: [{ key: "films/two.mp4", second: 7 }] },
        { name: "where it begins", filter: { data: { start: [10] } }, expect: due },
      ];
      project.edit({
        "collections/data_bucket.queries.json": JSON.stringify({ queries: questions }),
      });
      const beyond = await project.weir(...compare, "--max-changed", "0.5", "--max-drift", "2", "--json");
      expect(beyond.code).toBe(1);
      expect(beyond.stderr).toContain("not within --max-changed");
      expect(JSON.parse(beyond.stdout)).toMatchObject({
        ok: false,
        objects: { compared: 2 },
        // Of [0,10) [10,20) [20,25) and [0,5) [5,10) … [20,25) the last is the one that both have.
        items: { same: 0, changed: 2, added: 8, removed: 4, changed_share: 1 },
        limits: [
          { limit: "max-drift", ok: true },
          { limit: "max-changed", is: 1, ok: false },
        ],
        // No item has the member any more that the second query filters by.
        queries: {
          collection: "data_bucket",
          compared: 2,
          left_out: [],
          fallen: [{ query: "where it begins", expected: "films/two.mp4@17", before: 2, after: null }],
        },
      });
      const shown = await project.weir("preview", "--base", "HEAD");
      expect(shown.stdout).toMatch(/2 golden queries of data_bucket asked: 1 fell\./);
      expect(shown.stdout).toMatch(/where it begins +films\/two\.mp4@17 +2 → lost/);
      project.git("checkout", "-q", "--", ".");
      await rm(join(project.root, "collections"), { recursive: true });
      await project.until(
        () => versions(SECOND),
        (found) => found.find(({ deployed }) => deployed)?.items === 6,
      );
      expect(await items()).toEqual(kept);
      expect((await runs()).length).toBe(ran);
    });

    test("is rolled back: it runs as before, and a replay makes the items that there were", {
      timeout: 90_000,
    }, async () => {
      const [now, then] = await versions(SECOND);
      const plan = await project.told<{ items: object }>("rollback", SECOND, "--plan");
      expect(plan.items).toMatchObject({
        stale: { objects: 2, items: 6 },
        current: { objects: 0, items: 0 },
      });
      const headBefore = project.git("rev-parse", "HEAD").trim();
      const rolled = await project.told<{ rollback_commit: string }>(
        ...["rollback", SECOND, "--yes", "--no-deploy", "--commit"],
      );
      expect(rolled).toMatchObject({
        from: now?.version,
        to: then?.version,
        commit: commits[1],
        deployed: false,
      });
      expect(project.text(`pipelines/${SECOND}/handler.py`)).toBe(HANDLER);
      await project.until(
        () => versions(SECOND),
        (found) => found.find(({ deployed }) => deployed)?.version === then?.version,
      );
      expect(await project.weir(...stale, "--wait")).toMatchObject({ code: 0 });
      await project.until(
        () => versions(SECOND),
        (found) => found.find(({ deployed }) => deployed)?.items === 6,
      );
      const as = (all: Item[]) => all.map(({ commit: _, ...item }) => item);
      expect(as(await items())).toEqual(as(before));
      // Code that is not committed yet is so for a moment, and what it makes says so.
      const committed = new RegExp(`^(${rolled.rollback_commit}|${headBefore}-dirty)$`);
      for (const { commit } of await items(SECOND)) expect(commit).toMatch(committed);
    });
  });
});

describe.skipIf(!hasPython)("a project from nothing", () => {
  let project: Repository;
  beforeAll(() => {
    project = repository({});
  });
  afterAll(() => project?.close());

  test("takes a file in after weir init --new, weir new and weir new --python", {
    timeout: 120_000,
  }, async () => {
    for (const args of [
      ["init", "--new", project.root],
      ["new", "sizes"],
      ["new", "names", "--python"],
      ["validate"],
    ])
      expect(await project.weir(...args)).toMatchObject({ code: 0 });
    await project.dev();
    project.edit({ "notes/today.txt": "a few words\n" });
    const put = ["put", "notes/today.txt", "--url", project.url()];
    expect(await project.weir(...put)).toMatchObject({ code: 0 });
    for (const collection of ["sizes", "names"]) {
      const { data } = await project.until(
        () => project.read<{ data: Item[] }>(`/v1/collections/${collection}/items`),
        (page) => page.data.length === 1,
      );
      expect(data).toMatchObject([{ pipeline: collection, data: { name: "today.txt", size: 12 } }]);
    }
    // A change in TypeScript, beside what is stored: one item has a member more.
    const handler = project.text("pipelines/sizes/handler.ts");
    project.edit({ "pipelines/sizes/handler.ts": handler.replace("return {", "return { more: 1,") });
    const compared = await project.until(
      () => project.weir("compare", "sizes", "--max-changed", "1", "--json"),
      // Items are there a little before the ledger has heard of them.
      ({ code, stdout }) => code === 0 && JSON.parse(stdout).objects.compared === 1,
    );
    expect(JSON.parse(compared.stdout)).toMatchObject({
      items: { same: 0, changed: 1, added: 0, removed: 0 },
      limits: [{ limit: "max-changed", is: 1, ok: true }],
    });
  });
});
