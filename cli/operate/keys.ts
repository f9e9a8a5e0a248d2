// Commands `weir keys`: create, list, rotate and revoke API keys. A new key is alone on stdout, so that it can be piped
// to the place that stores it; everything else goes to stderr.
import type { z } from "@hono/zod-openapi";
import type * as answers from "../../src/http/keys/answers.ts";
import type { Scope } from "../../src/shapes/key.ts";
import { CliError, good, note, print, printJson, table } from "../io/output.ts";
import { suggestion } from "../io/suggest.ts";
import { secondsOf, timeFrom } from "../io/times.ts";
import { type Client, openClient } from "./client.ts";
import type { OperatorFlags } from "./replay.ts";

type Key = z.infer<typeof answers.keySchema>;
type NewKey = z.infer<typeof answers.newKeySchema>;

/** Creates a key and prints it. */
export async function createKey(
  root: string,
  flags: OperatorFlags & { name: string; scope: Scope[]; expires?: string },
): Promise<void> {
  const body = {
    name: flags.name,
    scopes: [...new Set(flags.scope)],
    ...(flags.expires !== undefined && { expires_at: timeFrom("expires", flags.expires, Date.now()) }),
  };
  printKey(await openClient(root, flags).post<NewKey>("/v1/keys", body), flags);
}

/** Prints all keys but their secret parts. */
export async function listKeys(root: string, flags: OperatorFlags & { limit: number }): Promise<void> {
  const data = await openClient(root, flags).list<Key>("/v1/keys", flags.limit);
  if (flags.json) return printJson({ data });
  if (data.length === 0) return note("There are no keys but the root key, WEIR_API_KEY.");
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

/** Creates a key that replaces another, which stays valid for the overlap. @throws CliError */
export async function rotateKey(
  root: string,
  named: string,
  flags: OperatorFlags & { overlap: string; expires?: string },
): Promise<void> {
  const client = openClient(root, flags);
  const { id } = await keyNamed(client, named, ["live"]);
  const body = {
    overlap_seconds: secondsOf("overlap", flags.overlap),
    ...(flags.expires !== undefined && { expires_at: timeFrom("expires", flags.expires, Date.now()) }),
  };
  const key = await client.post<NewKey>(`/v1/keys/${encodeURIComponent(id)}/rotate`, body);
  printKey(key, flags);
  note(`${id} stays valid for ${flags.overlap}. \`weir keys list\` prints when it was last used.`);
}

/** Ends a key for good. @throws CliError */
export async function revokeKey(root: string, named: string, flags: OperatorFlags): Promise<void> {
  const client = openClient(root, flags);
  const { id } = await keyNamed(client, named, ["live", "replaced"]);
  const key = await client.post<Key>(`/v1/keys/${encodeURIComponent(id)}/revoke`);
  if (flags.json) printJson(key);
  good(`${key.id} (${key.name}) is revoked. Weir refuses it everywhere within 30 seconds.`);
}

/** Prints a new key, the only time that a key is shown. */
function printKey(key: NewKey, { json }: OperatorFlags): void {
  if (json) printJson(key);
  else print(key.key);
  const until = key.expires_at === null ? "does not expire" : `expires at ${key.expires_at}`;
  good(`${key.id} (${key.name}) may ${key.scopes.join(", ")}, and ${until}.`);
  note("The key is not shown again: Weir keeps only its hash.");
}

/** Finds a key by its id, or by a name that only one key in these states has. @throws CliError */
async function keyNamed(client: Client, named: string, states: Key["status"][]): Promise<{ id: string }> {
  if (named.startsWith("key_")) return { id: named };
  const keys = await client.list<Key>("/v1/keys", Number.POSITIVE_INFINITY);
  const found = keys.filter(({ name, status }) => name === named && states.includes(status));
  if (found.length === 1 && found[0]) return found[0];
  if (found.length > 1) {
    const ids = found.map(({ id, status }) => `${id} (${status})`).join(", ");
    throw new CliError(`"${named}" is the name of ${found.length} keys. Give the id of one: ${ids}.`, [], 2);
  }
  const names = [...new Set(keys.filter(({ status }) => states.includes(status)).map(({ name }) => name))];
  throw new CliError(`There is no ${states.join(" or ")} key "${named}". ${suggestion(named, names)}`, [], 4);
}
