// Stories of objects: each is something that happens to them, and goes on until nothing is left to be done.

import { redrive } from "../../../src/http/operate/handlers.ts";
import { createReplay } from "../../../src/replay/manage.ts";
import { invokeLater, invokeNow } from "../../../src/routing/invoke.ts";
import { ALIASES, BUCKET, type World } from "./world.ts";

export interface Story {
  /** What was there before, told and done without a fault. */
  before?(world: World, at: string): Promise<void>;
  /** What happens; `at` begins every key. */
  happens(world: World, at: string): Promise<void>;
  /** What happens while a call takes its time; without such a call, it happens at the end. */
  meanwhile?(world: World, at: string): Promise<void>;
}

export const STORIES: Record<string, Story> = {
  "an object is created, and two senders tell of it": {
    async happens(world, at) {
      const etag = await told(world, `${at}/new`, "one");
      await told(world, `${at}/unwanted`, "none", "no");
      await world.deliver(`${at}/new`, etag);
      await world.quiet(at);
    },
  },
  "objects are overwritten, deleted and made unwanted": {
    async before(world, at) {
      for (const name of ["over", "gone", "changed"]) await told(world, `${at}/${name}`, "old");
      await world.quiet(at);
      world.advance(1000);
    },
    async happens(world, at) {
      await told(world, `${at}/over`, "new and longer");
      await world.remove(`${at}/gone`);
      await world.notify(`${at}/gone`);
      await told(world, `${at}/changed`, "other", "no");
      await world.quiet(at);
    },
    // What was begun before must not be stored after it.
    async meanwhile(world, at) {
      world.advance(1000);
      await told(world, `${at}/over`, "the newest of all");
    },
  },
  "a poison object ends dead, is mended, and redriven twice": {
    async happens(world, at) {
      world.broken.add(`${at}/poison`);
      await told(world, `${at}/poison`, "bad");
      await told(world, `${at}/neighbour`, "good");
      await world.quiet(at);
      world.broken.clear();
      const run_ids = (await world.letters(at)).map(({ run_id }) => run_id);
      if (run_ids.length !== 2) throw new Error(`${run_ids.length} dead letters`);
      await insist(() => redrive({ run_ids }, world.router));
      await insist(() => redrive({ run_ids }, world.router));
      await world.quiet(at);
    },
  },
  "pipelines are invoked, now and later": {
    async happens(world, at) {
      await world.put(`${at}/asked`, "asked");
      const body = { bucket: BUCKET, key: `${at}/asked` };
      const pipeline = (alias: string) => world.router.pipelines.all.find((one) => one.alias === alias);
      const [near, far] = [pipeline("near"), pipeline("far")];
      if (!near || !far) throw new Error("no pipelines");
      await insist(async () => {
        const [{ error_details }, status] = await invokeNow(near, body, world.router);
        if (status >= 500) throw new Error(`answered ${status}: ${error_details?.detail}`);
      });
      await insist(() => invokeLater(far, body, world.router));
      await world.quiet(at);
    },
  },
  "what was in the bucket is replayed": {
    async happens(world, at) {
      for (const name of ["a", "b"]) await world.put(`${at}/${name}`, name);
      await world.put(`${at}/c`, "no", "no");
      const select = { kind: "listing" as const, prefix: `${at}/` };
      await insist(() => createReplay({ select, aliases: [...ALIASES], dry_run: false }, world.router));
      await world.quiet(at);
    },
  },
};

/** Asks until it is answered, as whoever gets a 5xx does. */
async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries === 5) throw error;
    }
  }
}

/** Puts an object, and has R2 tell of it. */
async function told(world: World, key: string, body: string, keep = "yes"): Promise<string> {
  const { etag } = await world.put(key, body, keep);
  await world.notify(key, etag);
  return etag;
}
