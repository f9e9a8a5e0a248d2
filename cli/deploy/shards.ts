// Guard of a deploy against fewer databases of a collection than the account has: what is in the further ones would be
// seen by nobody. resources.ts and present.ts have the two sides.
import { databaseNames } from "../../src/shapes/bindings.ts";
import type { Connections } from "../../src/shapes/connection.ts";
import { CliError } from "../io/output.ts";

/** Greatest number of databases that a connection may have. */
const MOST_SHARDS = 64;

/** Refuses connections that had more databases than they name now. @throws CliError */
export function refuseFewerShards(
  connections: Connections["connections"],
  present: Pick<ReadonlyMap<string, unknown>, "has">,
): void {
  const own = Object.values(connections).flatMap((connection) =>
    connection.kind === "d1" ? databaseNames(connection) : [],
  );
  const lost = Object.entries(connections).flatMap(([id, connection]) => {
    if (connection.kind !== "d1") return [];
    const further = databaseNames({ database: connection.database, shards: MOST_SHARDS });
    const left = further.filter((name) => !own.includes(name) && present.has(name));
    return left.length === 0 ? [] : [`  ${id}: ${left.join(", ")}`];
  });
  if (lost.length === 0) return;
  throw new CliError(
    `Nothing was deployed. The account has databases of collections that connections.json no longer names:\n${lost.join("\n")}\n` +
      'Sets are kept in them. Raise "shards" of the connection to what it was. A database that is not Weir\'s needs another name.',
  );
}
