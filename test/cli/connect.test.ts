// What `weir connect` prints, and docs/sources.md with it: the commands that are documented are those that
// the command prints for the documented connection.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { connectionFor, KIND_NAMES, type KindName, kindOf } from "../../cli/senders/kinds.ts";
import { commandsFor } from "../../src/receive/setup/recipes.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";

const docs = readFileSync(new URL("../../docs/sources.md", import.meta.url), "utf8");
const SECTION =
  /```json\n([^`]*)\n```\n`npm run weir -- connect (\S+) --connection (\S+)`:\n```sh\n(.*?)\n```/gs;

interface Section {
  kind: KindName;
  id: string;
  events: string;
  commands: string;
}
const sections = [...docs.matchAll(SECTION)].map(
  ([, events = "", kind = "", id = "", commands = ""]): Section => ({
    kind: kind as KindName,
    id,
    events,
    commands,
  }),
);

/** What the command prints for a connection that is written like the one in the docs. */
function printed(kind: KindName, id: string, events: string): string {
  const own: { kind?: string } = JSON.parse(`{${events}}`);
  const s3 = {
    kind: "s3",
    buckets: ["media"],
    region: "us-east-1",
    access_key_id: "ID",
    secret_access_key: "KEY",
  };
  const { connections } = connectionsSchema.parse({
    connections: { [id]: own.kind === "r2" ? own : { ...s3, ...own } },
  });
  const { connection, scheme } = connectionFor(kindOf(kind), kind, id, connections);
  return (
    commandsFor(kind, {
      door: `https://weir.example.com/v1/connections/${id}/events`,
      bucket: "media",
      region: "us-east-1",
      endpoint: connection.kind === "s3" ? (connection.endpoint ?? "") : "",
      scheme,
    }) ?? ""
  );
}

describe("docs/sources.md", () => {
  test("has a part for every sender", () => {
    expect(sections.map(({ kind }) => kind).sort()).toEqual([...KIND_NAMES].sort());
  });
  test.each(sections)("tells $kind what weir connect prints", ({ kind, id, events, commands }) => {
    expect(commands).toBe(printed(kind, id, events));
  });
});

describe("weir connect", () => {
  test.each([
    ["minio", { scheme: "basic", username: "weir", secrets: ["S"] }, "Basic $(printf %s"],
    ["tigris", { scheme: "basic", username: "weir", secrets: ["S"] }, '--username weir --password "$S"'],
    ["ceph", { scheme: "ceph-opaque", secrets: ["S"] }, `"OpaqueData":"'"$S"'"`],
    ["cloudevents", { scheme: "standard-webhooks", secrets: ["S"] }, "webhook-signature"],
    ["eventbridge", { scheme: "eventbridge", auth: { type: "bearer", secrets: ["S"] } }, `Bearer '"$S"'`],
    [
      "eventbridge",
      { scheme: "eventbridge", auth: { type: "basic", username: "u", secrets: ["S"] } },
      "BASIC",
    ],
  ] as const)("tells %s by %o", (kind, scheme, wanted) => {
    expect(printed(kind, "conn_x", `"events": [${JSON.stringify(scheme)}]`)).toContain(wanted);
  });

  test("names the secret that will stay, not the one that expires", () => {
    const old = { name: "OLD", expires: "2026-12-01T00:00:00Z" };
    const events = JSON.stringify([{ scheme: "backblaze", secrets: [old, "NEW"] }]);
    expect(printed("b2", "conn_x", `"events": ${events}`)).toContain('"$NEW"');
  });
});
