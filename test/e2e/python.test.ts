// The seed's own handler.py in the whole of Weir: the same items as its TypeScript twin, its prints in the
// run's log, its exceptions the run's failures.
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeVideo } from "../../cli/sample-media/media.ts";
import { hasPython } from "../python/given.ts";
import { startWeir, type Weir } from "../support/weir.ts";

interface Answer {
  status: string;
  run_id: string;
  processed_data: Record<string, unknown>[];
  error_details: { kind: string; detail: string; where?: string } | null;
}

describe.skipIf(!hasPython)("a pipeline in Python", () => {
  let weir: Weir;
  let folder: string;
  let film: Uint8Array;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "weir-python-e2e-"));
    const path = join(folder, "film.mp4");
    await makeVideo(path, { seconds: 35, width: 320, height: 180, fps: 12, gopSeconds: 2, seed: 35 });
    film = await readFile(path);
    weir = await startWeir({ API_KEY: "the handler's own key" });
  }, 120_000);
  afterAll(async () => {
    await weir?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const counts = async () => {
    const health = (await (await fetch(`${weir.compute.url}/health`)).json()) as {
      python: { interpreters: number; runs: number };
    };
    return health.python;
  };

  test("gives the same items as its TypeScript twin: data and vectors, to the bit, with model and span", async () => {
    await weir.notifyR2(await weir.put("test-media", "twins/film.mp4", film, { lang: "both" }));
    const runs = await weir.settled("twins/film.mp4", 2);
    expect(runs.map(({ alias, status, items }) => ({ alias, status, items }))).toEqual(
      expect.arrayContaining([
        { alias: "video-embeddings", status: "succeeded", items: 4 },
        { alias: "video-embeddings-py", status: "succeeded", items: 4 },
      ]),
    );
    const of = async (collection: string) =>
      (await weir.items(collection, "twins/film.mp4", "&vectors=true")).map(({ data, vectors }) => ({
        data,
        vectors,
      }));
    const [typescript, python] = [await of("video_embeddings"), await of("video_embeddings_py")];
    expect(python).toEqual(typescript);
    expect(python[3]?.vectors).toMatchObject([
      { path: "embedding", dims: 512, model: "weir/hog-512", span: { start: 30, end: 35 } },
    ]);
  });

  test("is the seed's example as it ships", async () => {
    const read = (path: string) => readFile(new URL(path, import.meta.url), "utf8");
    expect(await read("../project/pipelines/video-embeddings-py/handler.py")).toBe(
      await read("../../pipelines/video-embeddings-py/handler.py"),
    );
  });

  describe("on one object", () => {
    const invoke = async (name: string): Promise<Answer & { log: string[] }> => {
      const object = { bucket: "test-media", key: "any.py-case" };
      const response = await weir.invoke("python-cases", { ...object, payload: { case: name } });
      const answer = (await response.json()) as Answer;
      const run = await weir.read<{ log: string[] }>(`/v1/runs/${answer.run_id}`);
      return { ...answer, log: run.log };
    };
    beforeAll(() => weir.put("test-media", "any.py-case", "text"));

    test("two runs of it have one interpreter", async () => {
      const [first] = (await invoke("pid")).processed_data;
      const before = await counts();
      const [second] = (await invoke("pid")).processed_data;
      expect(second).toEqual(first);
      expect(await counts()).toEqual({ interpreters: before.interpreters, runs: before.runs + 1 });
    });

    test("what it prints and logs is the run's log, without what signs a URL", async () => {
      const { log, processed_data } = await invoke("talk");
      expect(log.slice(0, 2)).toEqual(["asked for talk", "INFO by logging"]);
      expect(log).toContain("by the descriptor");
      expect(log.find((line) => line.startsWith("http"))).toMatch(/any\.py-case\?…$/);
      expect(processed_data).toMatchObject([{ signed: true, key: "the handler's own key" }]);
      // The key is named in the pipeline's config; nothing else of what the Workers hold is there.
      expect(JSON.stringify(processed_data)).not.toMatch(/WEIR|CONN|COMPUTE/);
    });

    test("a generator's items come in order", async () => {
      expect((await invoke("generator")).processed_data).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
    });

    test("cuts, looks and probes with the tools that TypeScript has", async () => {
      await weir.put("test-media", "media/film.mp4", film);
      expect(await invoke("media")).toMatchObject({
        error_details: null,
        processed_data: [
          {
            spans: [
              [0, 2, 12],
              [2, 4, 12],
              [4, 6, 12],
            ],
            container: "MP4",
            picture: [64, 1, "PNG"],
          },
        ],
      });
    });

    test("embeds text; asked again, the run says that it was known", async () => {
      const first = await invoke("text");
      expect(first.processed_data).toMatchObject([{ text: "red" }, { text: "blue" }]);
      const again = await invoke("text");
      expect(again.processed_data).toEqual(first.processed_data);
      const run = await weir.read<{ embeddings: object }>(`/v1/runs/${again.run_id}`);
      expect(run.embeddings).toEqual({ asked: 2, known: 2 });
    });

    test.each([
      ["fail", "handler_failed", "KeyError: 'colour'", /handler\.py", line \d+, in pick\n {2}return things/],
      ["fail_with_url", "handler_failed", /any\.py-case\?…$/, /in fail_with_url/],
      ["own_failure", "handler_failed", "of my own making", undefined],
      ["misuse", "invalid", /^split_video: .*"frame_intervall"/, /^split_video$/],
      ["set", "invalid_return", "items[0].tags is a set.", /^items\[0\]\.tags$/],
      ["missing_object", "object_gone", /not\/there/, /./],
      ["foreign_bucket", "forbidden", /somebody-elses/, /./],
      ["no_text", "unknown_model", /vuse-generic-v1 takes video and image, not text/, /^model$/],
      ["no_model", "bad_media", /any\.py-case/, /./],
    ])("%s ends as %s, told where", async (name, kind, detail, where) => {
      const { status, error_details, log } = await invoke(name);
      expect(status).not.toBe("succeeded");
      expect(error_details?.kind).toBe(kind);
      expect(error_details?.detail).toMatch(detail);
      if (where) expect(error_details?.where ?? "whole run").toMatch(where);
      expect(JSON.stringify(error_details)).not.toMatch(/compute\/server|[?&](X-Amz|sig|token)/i);
      expect(log[0]).toBe(`asked for ${name}`);
    });

    test("an endless loop is killed when its time is up, its log is kept, and the next run works", async () => {
      const { error_details, log } = await invoke("endless");
      expect(error_details).toMatchObject({ kind: "timeout" });
      expect(log).toEqual(["asked for endless"]);
      const [one] = (await invoke("pid")).processed_data;
      expect((await invoke("pid")).processed_data).toEqual([one]);
    });

    test("a run that is given up leaves no interpreter behind", async () => {
      const python = () =>
        execFileSync("ps", ["-eo", "stat,args"], { encoding: "utf8" })
          .split("\n")
          .filter((line) => line.includes("server/python/main.py") && line.startsWith("R")).length;
      await expect.poll(python).toBe(0);
    });
  });
});
