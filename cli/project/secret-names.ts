// Names of the secrets and variables that a project's Workers declare, and the values of those that follow from others:
// signing keys, and secrets that hold all those of a connection. Pure. bindings.ts puts the names into wrangler.toml.
import { connectionSecretName, HOPS_KEY, signingKeyName } from "../../src/shapes/bindings.ts";
import type { Connection, Connections } from "../../src/shapes/connection.ts";
import { secretNamesOf, storeNames } from "../../src/shapes/connection-secrets.ts";
import { signingKeyOf } from "../../src/source/signed-url.ts";
import { hopsKeyOf } from "../../src/store/collections/hops.ts";

type ConnectionMap = Connections["connections"];
const unique = (values: Iterable<string>) => [...new Set(values)].sort();

/**
 * Names that the router declares one by one, at most. A Worker may have 128 variables, and when a project grows beyond
 * this its single secrets stay on the Worker, beside those that then hold them.
 */
const MAX_SINGLE_SECRETS = 48;

/** Secrets that the router declares: each by its name or, where they are many, one for each connection. */
export const routerSecrets = (connections: ConnectionMap): string[] => {
  const held = heldTogether(connections);
  return held.size === 0 ? secretNames(connections) : unique(["WEIR_API_KEY", SIGNING_KEY, ...held.keys()]);
};

/** Secret that holds those of a connection → their names. Empty where the router declares each by its name. */
export function heldTogether(connections: ConnectionMap): Map<string, string[]> {
  if (secretNames(connections).length <= MAX_SINGLE_SECRETS) return new Map();
  const named = Object.entries(connections).map(([id, connection]): [string, string[]] => [
    connectionSecretName(id),
    unique(secretNamesOf(connection)),
  ]);
  return new Map(named.filter(([, names]) => names.length > 0));
}

/** Values of the secrets that hold those of a connection, where each of those has one. */
export const connectionSecrets = (
  connections: ConnectionMap,
  readValue: (name: string) => string | undefined,
): Record<string, string> =>
  Object.fromEntries(
    [...heldTogether(connections)].flatMap(([held, names]) => {
      const values = Object.fromEntries(names.map((name) => [name, readValue(name)]));
      return Object.values(values).every(Boolean) ? [[held, JSON.stringify(values)]] : [];
    }),
  );

/** Names of every secret and variable that the router needs. */
export function secretNames(connections: ConnectionMap): string[] {
  return unique(["WEIR_API_KEY", SIGNING_KEY, ...Object.values(connections).flatMap(secretNamesOf)]);
}

/** Name of the signing key that people set; {@link signingKeys} are derived from it. */
export const SIGNING_KEY = "WEIR_SIGNING_KEY";

/**
 * Signing key of each R2 connection, and the key that proves hops, by the names of their secrets in a pipeline Worker.
 */
export const signingKeys = (connections: ConnectionMap, root: string | undefined): Record<string, string> =>
  root
    ? {
        [HOPS_KEY]: hopsKeyOf(root),
        ...Object.fromEntries(
          Object.entries(connections).flatMap(([id, { kind }]) =>
            kind === "r2" ? [[signingKeyName(id), signingKeyOf(root, id)]] : [],
          ),
        ),
      }
    : {};

/** Names of the secrets that read the objects of one connection; without the secrets that prove its events. */
export const readingNames = (id: string, connection: Connection): string[] =>
  connection.kind === "r2" ? [signingKeyName(id)] : storeNames(connection);
