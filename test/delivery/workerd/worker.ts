// Plays a story with one fault, or none, over this Worker's own D1 and R2, and answers how it ended. Stories are played in
// a Durable Object, whose storage is that of the ledger's shard.
import { DurableObject } from "cloudflare:workers";
import type { Asked, Played } from "../shapes.ts";
import { endingOf, movesOf } from "./ending.ts";
import { STORIES } from "./stories.ts";
import { emptyCollections, openWorld, type Stores } from "./world.ts";

export { SearchShard } from "../../../workers/search/worker.ts";

type Bindings = Omit<Stores, "storage"> & { STAGE: DurableObjectNamespace<Stage> };

let number = 0;

export class Stage extends DurableObject<Bindings> {
  override async fetch(request: Request): Promise<Response> {
    const stores = { ...this.env, storage: this.ctx.storage };
    if (request.method === "GET") return Response.json(await movesOf(openWorld(stores)));
    const { story: name, fault, without } = (await request.json()) as Asked;
    const story = STORIES[name];
    if (!story) return Response.json(Object.keys(STORIES));
    const at = `story-${String(number++).padStart(5, "0")}`;
    await emptyCollections(stores);
    const world = openWorld(stores, { without, at });
    world.advance(3_600_000);
    await story.before?.(world, at);
    let happened = story.meanwhile === undefined;
    world.meanwhile = async () => {
      await story.meanwhile?.(world, at);
      happened = true;
    };
    world.faults.plan(fault);
    await story.happens(world, at);
    if (!happened) await world.meanwhile();
    await world.quiet(at);
    await world.sweep();
    const { calls, struck } = world.faults;
    return Response.json({ ending: await endingOf(world, at), calls, struck } satisfies Played);
  }
}

export default {
  fetch: (request, env) => env.STAGE.getByName("stage").fetch(request),
} satisfies ExportedHandler<Bindings>;
