// The whole path of an event over real D1 and R2: the router's and the pipelines' own functions, with queues,
// service bindings and compute in between that can be made to fail. Two pipelines want every object whose
// metadata says so: `near` by binding into D1, `far` by its queue into R2.

import { signStandardWebhook } from "../../../cli/senders/sign.ts";
import { checkBreaker } from "../../../src/cron/circuit-breaker.ts";
import { sweepIndexes } from "../../../src/cron/index-sweep.ts";
import { openPipelines } from "../../../src/dispatch/pipelines.ts";
import { openEnv } from "../../../src/env.ts";
import { readObject } from "../../../src/http/object-reads.ts";
import { answerWebhook } from "../../../src/http/webhook.ts";
import { consume } from "../../../src/queue/consume.ts";
import { sweepReplays } from "../../../src/replay/advance.ts";
import { openRouter, type RouterDeps } from "../../../src/routing/deps.ts";
import { type PipelineConfig, pipelineConfigSchema } from "../../../src/shapes/config.ts";
import { type Connections, connectionsSchema } from "../../../src/shapes/connection.ts";
import { FailureError } from "../../../src/shapes/failure.ts";
import type { Job } from "../../../src/shapes/job.ts";
import type { Report } from "../../../src/shapes/run.ts";
import { openCollection } from "../../../src/store/collections/open.ts";
import { openIndex } from "../../../src/store/index/open.ts";
import type { Shard } from "../../../src/store/ledger/contract.ts";
import { listPaused } from "../../../src/store/ledger/pauses.ts";
import type { ShardStorage } from "../../../src/store/ledger/shard/database.ts";
import { LedgerShardCore } from "../../../src/store/ledger/shard/shard.ts";
import type { EventLog, LogEntry, RunOnRecord } from "../../../src/store/log/contract.ts";
import { openLog } from "../../../src/store/log/open.ts";
import { openDeps } from "../../../workers/pipeline/deps.ts";
import { consumeJobs, invokeJob, runJobs } from "../../../workers/pipeline/doors.ts";
import { definePipeline, FileTools } from "../../../workers/pipeline/sdk.ts";
import type { Asked } from "../shapes.ts";
import { Faults } from "./faulty.ts";
import { type Consumer, StandInQueues } from "./queues.ts";

const SECRET = `whsec_${Buffer.from("a secret of the sender's").toString("base64")}`;
const SETTINGS = { WEIR_URL: "http://router.test", WEIR_SIGNING_KEY: "k", HOOK: SECRET };
export const BUCKET = "media";
export const ALIASES = ["near", "far"] as const;

export const connections: Connections = connectionsSchema.parse({
  connections: {
    source: {
      kind: "r2",
      buckets: [BUCKET],
      events: [{ scheme: "r2-queue" }, { scheme: "standard-webhooks", secrets: ["HOOK"] }],
    },
    rows: { kind: "d1", database: "items" },
    lake: { kind: "r2", buckets: ["lake"] },
  },
});
const configOf = (alias: string, more: object): PipelineConfig =>
  pipelineConfigSchema.parse({
    alias,
    source: { connection_id: "source", filters: { keep: "yes" } },
    retry: { max_attempts: 3, base_seconds: 5 },
    timeout_seconds: 60,
    ...more,
  });
const configs = {
  near: configOf("near", { dispatch: "binding", destination: { connection_id: "rows", collection: "near" } }),
  far: configOf("far", { dispatch: "queue", destination: { connection_id: "lake", collection: "far" } }),
};
const pipelines = openPipelines(
  Object.values(configs).map((config) => ({ alias: config.alias, version: `${config.alias}-1`, config })),
);

const OPEN_REPLAYS = `
  SELECT id FROM replays
  WHERE status = 'active' AND request ->> '$.select.prefix' >= ?1 AND request ->> '$.select.prefix' < ?2`;
const OPEN = ["pending", "queued", "running", "failed"];
/** More runs than one story makes, and than all stories together make. */
const STORY = 500;
const ALL = 100_000;

export type World = ReturnType<typeof openWorld>;
export interface Stores {
  /** Of the Durable Object that plays the stories: the ledger's one shard is kept there. */
  storage: DurableObjectStorage;
  LEDGER: D1Database;
  D1_ITEMS: D1Database;
  R2_MEDIA: R2Bucket;
  R2_LAKE: R2Bucket;
  ARCHIVE: R2Bucket;
  SEARCH: DurableObjectNamespace;
}

/** Empties the collections of the story before: each story has indexes of its own, which are compared with them whole. */
export async function emptyCollections({ D1_ITEMS, R2_LAKE }: Stores): Promise<void> {
  await D1_ITEMS.batch(["items", "item_sets"].map((table) => D1_ITEMS.prepare(`DELETE FROM ${table}`)));
  const { objects } = await R2_LAKE.list();
  await R2_LAKE.delete(objects.map(({ key }) => key));
}

/** Time goes on from story to story. */
let clock = Date.parse("2026-11-23T10:00:00Z");

export function openWorld(
  stores: Stores,
  { without, at = "" }: { without?: Asked["without"] | undefined; at?: string } = {},
) {
  const now = () => clock;
  const begun = clock;
  const queues = new StandInQueues(now);
  /** Objects by key whose handler throws. */
  const broken = new Set<string>();

  const faults = new Faults(async () => {
    clock += 5 * 3_600_000;
    await world.meanwhile();
    await cron();
    await sweepOnce();
    await drain();
  });
  const queue = (binding: string, name: string) => faults.queue(binding, queues.sender(name));
  const compute = {
    idFromName: (name: string) => name,
    get: () =>
      faults.service("COMPUTE", {
        fetch: async (request: Request) => {
          const { url } = (await request.json()) as { url: string };
          return Response.json({
            width: new URL(url).pathname.length,
            height: 1,
            format: "text",
            colors: [],
          });
        },
      }),
  };
  const handler = definePipeline(async (event, { weir }) => {
    if (broken.has(event.key)) throw new TypeError(`cannot read the bug of ${event.key}`);
    const url = await weir.fileUrl(event.bucket, event.key);
    const response = await faults.call("FETCH", "fetch failed", () => fetchObject(url));
    const body = await response.text();
    const { width } = await FileTools.imageInfo(url);
    return [{ body, width }, { embedding: new Float32Array([body.length, 1]) }];
  });
  const archive = faults.bucket("ARCHIVE", stores.ARCHIVE);
  const ledger = faults.database("LEDGER", stores.LEDGER);
  let alarmAt = Number.POSITIVE_INFINITY;
  const shard = new LedgerShardCore(
    {
      storage: stores.storage as unknown as ShardStorage,
      log: openLog(archive),
      paused: async () => (await listPaused(ledger)).map(({ alias }) => alias),
      send: async (messages) => {
        for (const message of messages) await queue("REPORTS of the shard", "weir-reports").send(message);
      },
      setAlarm: async (at) => {
        alarmAt = at;
      },
      limitBytes: 10_000_000_000,
      now,
    },
    null,
  );
  const WRITES = ["commit", "unsent", "finish", "bury", "cancel", "release", "redrive", "drop"];
  const shards = {
    getByName: () => faults.wrap("SHARD", shard as Shard, WRITES, "Network connection lost."),
  };
  const media = faults.bucket("R2_MEDIA", stores.R2_MEDIA);
  const lake = faults.bucket("R2_LAKE", stores.R2_LAKE);
  const table = faults.database("D1_ITEMS", stores.D1_ITEMS);
  /** Indexes as they are, without faults: each story has its own. */
  const search = {
    idFromName: (name: string) => stores.SEARCH.idFromName(`${at} ${name}`),
    get: (id: DurableObjectId) => stores.SEARCH.get(id),
  };
  const SEARCH = { ...search, get: (id: DurableObjectId) => faults.shard(search.get(id) as never) };
  const pipelineDeps = (alias: (typeof ALIASES)[number]) => {
    const env = {
      ...SETTINGS,
      WEIR_VERSION: `${alias}-1`,
      WEIR_COMMIT: "c",
      COMPUTE: compute,
      R2_MEDIA: media,
      SEARCH,
      ...(alias === "near" ? { D1_ITEMS: table } : { R2_LAKE: lake }),
      REPORT_DOOR: faults.service(`REPORT_DOOR of ${alias}`, {
        finish: async (reports: Report[]) => shard.finish(rpc(reports), { now: clock }),
      }),
      REPORTS: queue(`REPORTS of ${alias}`, "weir-reports"),
      RETRY: queue(`RETRY of ${alias}`, `weir-${alias}`),
      DEAD: queue(`DEAD of ${alias}`, "weir-dead"),
    };
    return { ...openDeps(handler, configs[alias], connections, {}, openEnv(env), now), random: () => 0 };
  };
  const rpc = <T>(value: T): T => structuredClone(value);
  const service = (alias: (typeof ALIASES)[number]) =>
    faults.service(`PIPELINE of ${alias}`, {
      run: async (jobs: Job[]) => rpc(await runJobs(rpc(jobs), pipelineDeps(alias))),
      invoke: async (job: Job) => rpc(await invokeJob(rpc(job), pipelineDeps(alias))),
    });
  const raw = {
    ...SETTINGS,
    LEDGER: ledger,
    LEDGER_SHARDS: shards,
    D1_ITEMS: table,
    R2_MEDIA: media,
    R2_LAKE: lake,
    ARCHIVE: archive,
    SEARCH,
    EVENTS: queue("EVENTS", "weir-events"),
    REPLAYS: queue("REPLAYS", "weir-replays"),
    PIPELINE_NEAR: service("near"),
    PIPELINE_FAR: service("far"),
    QUEUE_NEAR: queue("QUEUE of near", "weir-near"),
    QUEUE_FAR: queue("QUEUE of far", "weir-far"),
  };
  const router: RouterDeps = openRouter(raw, () => undefined, { connections, pipelines, now });
  const fetchObject = async (url: string) => {
    try {
      return await readObject(
        new Request(url),
        connections,
        openEnv({ ...SETTINGS, R2_MEDIA: stores.R2_MEDIA }),
        clock,
      );
    } catch (error) {
      if (error instanceof FailureError) return new Response(null, { status: 404 });
      throw error;
    }
  };

  const own = (size: number, retries: number, dead?: string): Consumer => ({
    take: (batch) => consume(batch, router),
    size,
    retries,
    ...(dead !== undefined && { dead }),
  });
  const consumers: Record<string, Consumer> = {
    "weir-events": own(100, 10, "weir-events-dead"),
    "weir-r2-events": own(100, 10, "weir-events-dead"),
    "weir-reports": own(100, 10, "weir-events-dead"),
    "weir-events-dead": own(100, 100),
    "weir-dead": own(100, 100),
    "weir-replays": own(1, 100),
    ...Object.fromEntries(
      ALIASES.flatMap((alias): [string, Consumer][] => [
        [
          `weir-${alias}`,
          {
            take: ({ messages }) => consumeJobs(messages as readonly Message<Job>[], pipelineDeps(alias)),
            size: 10,
            retries: 2,
            dead: "weir-dead",
          },
        ],
      ]),
    ),
  };

  /** Delivers what is due, and what that makes due. */
  async function drain(): Promise<void> {
    while (await queues.deliver(consumers));
  }

  /** As the cron does each minute, and the shard's alarm when it rings. */
  async function cron(): Promise<void> {
    if (without === "alarm") return;
    if (alarmAt <= clock) {
      alarmAt = Number.POSITIVE_INFINITY;
      await shard.alarm();
    }
    for (const work of [sweepReplays, checkBreaker]) await work(router).catch(() => undefined);
  }

  /** What brings to the indexes what did not reach them: a part of the cron that is slow, and waits for nothing else. */
  async function sweepOnce(): Promise<void> {
    if (without !== "sweep") await sweepIndexes(router);
  }

  const log: EventLog = openLog(stores.ARCHIVE);
  const isOf = (at: string) => (one: { key: string }) => one.key.startsWith(`${at}/`);
  const runs = async (at: string): Promise<RunOnRecord[]> =>
    (await shard.runs({ limit: STORY })).filter(isOf(at));

  /** Events on record since a time, those that are looked for. */
  async function entriesOf(isWanted: (entry: LogEntry) => boolean, since: number): Promise<LogEntry[]> {
    const entries: LogEntry[] = [];
    for (let after: Parameters<EventLog["walk"]>[1]; ; ) {
      const page = await log.walk({ order: "newest first", since }, after, 1000);
      entries.push(...page.entries.filter(isWanted));
      if (!page.next) return entries;
      after = page.next;
    }
  }

  const world = {
    /** What else happens while a call takes its time. */
    meanwhile: async () => {},
    router,
    faults,
    queues,
    broken,
    now,
    /** As they are, without faults. */
    collections: {
      near: openCollection(configs.near.destination, connections, openEnv({ D1_ITEMS: stores.D1_ITEMS })),
      far: openCollection(configs.far.destination, connections, openEnv({ R2_LAKE: stores.R2_LAKE })),
    },
    advance: (ms: number) => {
      clock += ms;
    },
    cron,
    drain,
    /** Minutes after which every set that did not reach its index has, whatever call of them goes wrong. */
    async sweep(): Promise<void> {
      for (let minute = 0; minute < 3; minute++) {
        clock += 60_000;
        await sweepOnce();
      }
    },
    indexes: {
      near: openIndex(configs.near.destination, openEnv({ SEARCH: search })),
      far: openIndex(configs.far.destination, openEnv({ SEARCH: search })),
    },

    /** Lets everything of a story come to its end: queues, delays, and as many crons as it takes. */
    async quiet(at: string): Promise<void> {
      for (let round = 0; round < 40; round++) {
        await drain();
        const next = queues.next();
        const open = (await runs(at)).filter(({ status }) => OPEN.includes(status)).length;
        const { results } = await stores.LEDGER.prepare(OPEN_REPLAYS).bind(`${at}/`, `${at}0`).all();
        if (next === undefined && open + results.length === 0) return;
        clock = Math.max(clock + 120_000, next ?? clock + 3_600_000 * round);
        await cron();
      }
      throw new Error("it never came to rest");
    },
    runs,
    /** Runs of all stories: those that a shard holds, and those that it has packed into the log. */
    async allRuns(): Promise<RunOnRecord[]> {
      const packed = (await entriesOf(() => true, 0)).flatMap(({ runs }) => runs);
      const runs = new Map(packed.map((run) => [run.id, run]));
      for (const run of await shard.runs({ limit: ALL }))
        if ((runs.get(run.id)?.progress ?? -1) <= run.progress) runs.set(run.id, run);
      return [...runs.values()];
    },
    tracked: async (at: string) =>
      (await Promise.all(ALIASES.map((alias) => shard.tracked({ alias, limit: ALL }))))
        .flat()
        .filter(isOf(at)),
    /** Events of a story, as the log has them. */
    events: (at: string): Promise<LogEntry[]> => entriesOf(({ event }) => isOf(at)(event), begun),
    letters: async (at: string) =>
      (await shard.letters({ limit: ALL })).filter(({ event }) => isOf(at)(event)),

    put: (key: string, body: string, keep = "yes") =>
      stores.R2_MEDIA.put(key, body, { customMetadata: { keep } }),
    remove: (key: string) => stores.R2_MEDIA.delete(key),
    /** R2 tells of an object. */
    async notify(key: string, eTag?: string): Promise<void> {
      const object = { key, ...(eTag !== undefined && { eTag, size: 1 }) };
      const action = eTag === undefined ? "DeleteObject" : "PutObject";
      const eventTime = new Date(clock).toISOString();
      await queues.sender("weir-r2-events").send({ account: "a", action, bucket: BUCKET, object, eventTime });
    },
    /** A sender tells of an object, again and again until it hears a 2xx, as senders do. */
    async deliver(key: string, eTag: string): Promise<void> {
      const record = {
        eventVersion: "2.1",
        eventSource: "aws:s3",
        awsRegion: "auto",
        eventTime: new Date(clock).toISOString(),
        eventName: "ObjectCreated:Put",
        s3: { bucket: { name: BUCKET }, object: { key: encodeURIComponent(key), size: 1, eTag } },
      };
      const body = JSON.stringify({ Records: [record] });
      for (let tries = 0; tries < 5; tries++) {
        const timestamp = Math.floor(clock / 1000);
        const signed = signStandardWebhook({
          id: `msg_${key}_${clock}_${tries}`,
          timestamp,
          body,
          secret: SECRET,
        });
        const request = new Request("http://router.test/v1/connections/source/events", {
          method: "POST",
          headers: { "content-type": "application/json", ...signed },
          body,
        });
        if ((await answerWebhook(request, "source", router)).status === 202) return;
      }
      throw new Error(`the sender gave up on ${key}`);
    },
  };
  return world;
}
