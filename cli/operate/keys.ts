// `weir keys …`: API keys are made, listed, rotated and revoked. A new key goes to stdout, alone, so that it can
// go straight to where it is kept; everything said about it goes to stderr.
import type { z } from "@hono/zod-openapi";
import type * as answers from "../../src/http/read/answers.ts";
import type { Scope } from "../../src/shapes/key.ts";
import { CliError, good, note, print, printJson, table } from "../io/output.ts";
import { suggestion } from "../io/suggest.ts";
import { secondsOf, timeFrom } from "../io/times.ts";
import { type Client, openClient } from "./client.ts";
import type { Flags } from "./replay.ts";

type Key = z.infer<typeof answers.keySchema>;
type NewKey = z.infer<typeof answers.newKeySchema>;

export async function createKey(
  root: string,
  flags: Flags & { name: string; scope: Scope[]; expires?: string },
): Promise<void> {
  const body = {
    name: flags.name,
    scopes: [...new Set(flags.scope)],
    ...(flags.expires !== undefined && { expires_at: timeFrom("expires", flags.expires, Date.now()) }),
  };
  printKey(await openClient(root, flags).post<NewKey>("/v1/keys", body), flags);
}

export async function listKeys(root: string, flags: Flags & { limit: number }): Promise<void> {
  const data = await openClient(root, flags).list<Key>("/v1/keys", flags.limit);
  if (flags.json) return printJson({ data });
  if (data.length === 0) return note("there are no keys but the root key, WEIR_API_KEY");
  const rows = data.map((key) => [
    key.id,
    key.name,
    `${key.prefix}…`,
    key.scopes.join(","),
    key.status,
    key.expires_at ?? "never",
    key.last_used_at ?? "never",
  ]);
  print(table([["key", "name", "begins with", "scopes", "status", "expires", "last used"], ...rows]));
}

/** Rotates: the old key stays valid for the overlap. */
export async function rotateKey(
  root: string,
  named: string,
  flags: Flags & { overlap: string; expires?: string },
): Promise<void> {
  const client = openClient(root, flags);
  const { id } = await keyNamed(client, named, ["live"]);
  const body = {
    overlap_seconds: secondsOf("overlap", flags.overlap),
    ...(flags.expires !== undefined && { expires_at: timeFrom("expires", flags.expires, Date.now()) }),
  };
  const key = await client.post<NewKey>(`/v1/keys/${encodeURIComponent(id)}/rotate`, body);
  printKey(key, flags);
  note(`${id} stays valid for ${flags.overlap}: \`weir keys list\` says when it was last used`);
}

export async function revokeKey(root: string, named: string, flags: Flags): Promise<void> {
  const client = openClient(root, flags);
  const { id } = await keyNamed(client, named, ["live", "replaced"]);
  const key = await client.post<Key>(`/v1/keys/${encodeURIComponent(id)}/revoke`);
  if (flags.json) printJson(key);
  good(`${key.id} (${key.name}) is revoked; within 30 seconds nobody takes it any more`);
}

/** The only place where a key is said, and the only time. */
function printKey(key: NewKey, { json }: Flags): void {
  if (json) printJson(key);
  else print(key.key);
  const until = key.expires_at === null ? "does not expire" : `expires at ${key.expires_at}`;
  good(`${key.id} (${key.name}) may ${key.scopes.join(", ")}, and ${until}`);
  note("it is not shown again: Weir keeps only its hash");
}

/** The key of an id, or the one key of a name that is in one of these states. */
async function keyNamed(client: Client, named: string, states: Key["status"][]): Promise<{ id: string }> {
  if (named.startsWith("key_")) return { id: named };
  const keys = await client.list<Key>("/v1/keys", Number.POSITIVE_INFINITY);
  const found = keys.filter(({ name, status }) => name === named && states.includes(status));
  if (found.length === 1 && found[0]) return found[0];
  if (found.length > 1) {
    const ids = found.map(({ id, status }) => `${id} (${status})`).join(", ");
    throw new CliError(`"${named}" is the name of ${found.length} keys: say which by its id: ${ids}`, [], 2);
  }
  const names = [...new Set(keys.filter(({ status }) => states.includes(status)).map(({ name }) => name))];
  throw new CliError(`there is no ${states.join(" or ")} key "${named}": ${suggestion(named, names)}`, [], 4);
}
