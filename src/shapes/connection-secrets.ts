// Names of the secrets and variables of a connection: those that prove its events, and those that read its store.
import type { Connection, Scheme } from "./connection.ts";

/** All of them. */
export const secretNamesOf = (connection: Connection): string[] =>
  connection.kind === "d1" ? [] : [...storeNames(connection), ...connection.events.flatMap(schemeNames)];

/** Names of the secrets of an S3 store. */
export function storeNames(connection: Connection): string[] {
  if (connection.kind !== "s3") return [];
  const { access_key_id, secret_access_key, endpoint } = connection;
  return [...new Set([access_key_id, secret_access_key, ...endpointName(endpoint)])].sort();
}

/** Name of the variable that holds an endpoint; none where the endpoint is a URL itself. */
export const endpointName = (endpoint: string | undefined): string[] =>
  endpoint !== undefined && /^[A-Z][A-Z0-9_]*$/.test(endpoint) ? [endpoint] : [];

/** Names of the secrets that prove events of a scheme. */
export function schemeNames(scheme: Scheme): string[] {
  const secrets =
    "secrets" in scheme ? scheme.secrets : scheme.scheme === "eventbridge" ? scheme.auth.secrets : [];
  const names = secrets.map((secret) => (typeof secret === "string" ? secret : secret.name));
  if (scheme.scheme === "sns" && scheme.certificate) names.push(scheme.certificate);
  if (scheme.scheme === "google-oidc" && scheme.jwks) names.push(scheme.jwks);
  return names;
}
