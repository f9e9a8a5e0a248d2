// The ledger's Worker with a door for tests: a POST names a shard, a call and what it is given.
export { LedgerShard } from "../../../../workers/ledger/worker.ts";

type Calls = Record<string, (...given: unknown[]) => Promise<unknown>>;

export default {
  async fetch(
    request: Request,
    env: { LEDGER_SHARDS: { getByName(name: string): Calls } },
  ): Promise<Response> {
    const { name, call, given } = (await request.json()) as { name: string; call: string; given: unknown[] };
    try {
      return Response.json({ value: await env.LEDGER_SHARDS.getByName(name)[call]?.(...given) });
    } catch (error) {
      return Response.json({ error: String(error) });
    }
  },
};
