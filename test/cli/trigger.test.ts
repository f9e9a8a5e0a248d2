import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { loadProject } from "../../cli/project/project.ts";
import { validate } from "../../cli/project/validate.ts";
import { KIND_NAMES } from "../../cli/senders/kinds.ts";
import { r2Message, s3Event } from "../../cli/senders/messages.ts";
import { prove } from "../../cli/senders/prove.ts";
import { curlText, tamper } from "../../cli/senders/request.ts";
import { requestFor } from "../../cli/senders/trigger.ts";
import { devSecrets, makeSecrets } from "../../cli/settings/dev-env.ts";
import { receiveR2 } from "../../src/receive/r2-queue.ts";
import { keyCache } from "../../src/receive/verify/keys.ts";
import { receiveWebhook } from "../../src/receive/webhook.ts";
import { type Connections, connectionsSchema, type Scheme } from "../../src/shapes/connection.ts";
import type { Event } from "../../src/shapes/event.ts";
import { project } from "./support/given.ts";

const NOW = Date.parse("2026-11-23T12:00:00Z");
const secrets = { HOOK: `whsec_${Buffer.alloc(24, 1).toString("base64")}`, OLD: "old", TOKEN: "a-token" };
const change = {
  type: "created",
  bucket: "photos",
  key: "2026/red flower+✓%2B.jpg",
  size: 3,
  etag: "d41d8cd98f00b204e9800998ecf8427e",
  time: "2026-11-23T11:59:59.000Z",
  region: "us-east-1",
} as const;

const connectionsWith = (scheme: Scheme): Connections =>
  connectionsSchema.parse({
    connections: {
      photos: {
        kind: "s3",
        buckets: ["photos"],
        region: "us-east-1",
        access_key_id: "ID",
        secret_access_key: "KEY",
        events: [scheme],
      },
    },
  });

/** What the real door makes of a body that the command has proven. */
async function received(scheme: Scheme): Promise<Event[]> {
  const url = "https://weir.test/v1/connections/photos/events";
  const body = JSON.stringify(s3Event(change));
  const signed = await prove(scheme, { secrets, url, body, id: "msg_1", now: NOW });
  const events: Event[] = [];
  const accepted = await receiveWebhook(new Request(url, { method: "POST", ...signed }), "photos", {
    connections: connectionsWith(scheme),
    trust: { secret: (name) => ({ ...secrets })[name], fetch, cache: keyCache() },
    now: () => NOW,
    send: async (sent) => void events.push(...sent),
    reject: () => {},
    quarantine: async () => {},
  });
  expect(accepted).toMatchObject({ ok: true });
  return events;
}

describe("weir trigger and weir put", () => {
  const rotated = { name: "OLD", expires: "2026-11-23T11:00:00Z" };
  test.each<[string, Scheme]>([
    ["Standard Webhooks", { scheme: "standard-webhooks", secrets: ["HOOK"] }],
    ["a bearer token", { scheme: "bearer", secrets: ["TOKEN"] }],
    ["a rotated bearer token", { scheme: "bearer", secrets: [rotated, "TOKEN"] }],
    ["Basic credentials", { scheme: "basic", username: "weir", secrets: ["TOKEN"] }],
    [
      "AWS Signature Version 4",
      { scheme: "sigv4", access_key_id: "AKID", secrets: ["TOKEN"], region: "us-east-1", service: "lambda" },
    ],
  ])("prove an S3 event by %s so that the door accepts it, key unharmed", async (_, scheme) => {
    expect(await received(scheme)).toMatchObject([{ bucket: "photos", key: change.key, type: "created" }]);
  });

  test("sign nothing that only the real sender can sign, or whose secret is elsewhere", async () => {
    const proving = { secrets, url: "https://weir.test/", body: "{}", id: "msg_1", now: NOW };
    const sns: Scheme = { scheme: "sns", topic_arns: ["arn:aws:sns:us-east-1:123456789012:uploads"] };
    expect(await prove(sns, proving)).toBeUndefined();
    expect(await prove({ scheme: "bearer", secrets: ["ELSEWHERE"] }, proving)).toBeUndefined();
  });

  test.each(["created", "removed"] as const)(
    "an R2 notification of a %s is one that R2 could have sent",
    (type) => {
      const connections = connectionsSchema.parse({
        connections: { inbox: { kind: "r2", buckets: ["photos"], events: [{ scheme: "r2-queue" }] } },
      });
      const message = { id: "m1", timestamp: new Date(NOW), body: r2Message({ ...change, type }) };
      const { events, quarantined } = receiveR2([message], connections);
      expect(quarantined).toEqual([]);
      expect(events).toMatchObject([{ key: change.key, type }]);
    },
  );
});

describe("weir trigger --dry-run and --tamper", () => {
  const parsed = connectionsSchema.parse({
    connections: {
      all: {
        kind: "s3",
        buckets: ["photos"],
        region: "us-east-1",
        access_key_id: "ID",
        secret_access_key: "KEY",
        events: [
          {
            scheme: "sns",
            topic_arns: ["arn:aws:sns:us-east-1:123456789012:uploads"],
            certificate: "CERTIFICATE",
          },
          { scheme: "standard-webhooks", secrets: ["HOOK_SECRET"] },
          { scheme: "sigv4", access_key_id: "AK", secrets: ["S"], region: "us-east-1", service: "lambda" },
          { scheme: "eventbridge", auth: { type: "api-key", header: "X-Key", secrets: ["S"] } },
          { scheme: "backblaze", secrets: ["S"] },
          { scheme: "google-oidc", audience: "weir", email: "push@weir.test", jwks: "JWKS" },
          { scheme: "bearer", secrets: ["S"] },
          { scheme: "ceph-opaque", secrets: ["OPAQUE"] },
        ],
      },
      inbox: { kind: "r2", buckets: ["photos"], events: [{ scheme: "r2-queue" }] },
    },
  }).connections;
  const local = { url: "http://127.0.0.1:1", connections: parsed, secrets: makeSecrets(parsed, randomBytes) };
  const said = { size: 3, etag: "e", event: "created", object: "photos/it's here.jpg" };
  const proven = KIND_NAMES.filter((kind) => kind !== "r2");

  test.each(KIND_NAMES)(
    "%s is shown whole, and without what would be as good as its secret",
    async (kind) => {
      const { url, scheme, signed } = await requestFor(local, kind, said);
      const text = curlText(url, scheme, signed);
      const hidden = [...Object.values(local.secrets), signed.headers["webhook-signature"]?.slice(3)];
      for (const secret of hidden) if (secret) expect(text).not.toContain(secret);
      const { authorization } = signed.headers;
      if (authorization) expect(text).not.toContain(authorization);
      expect(
        execFileSync("bash", ["-c", `curl() { printf '%s\\n' "$@"; }; ${text}`], { encoding: "utf8" }),
      ).toContain(url);
    },
  );

  test.each(proven)("%s differs in one byte when it is tampered with", async (kind) => {
    const { scheme, signed } = await requestFor(local, kind, said);
    const altered = tamper(scheme, signed);
    const flat = (it: typeof signed) => JSON.stringify([Object.entries(it.headers), it.body]);
    const [before, after] = [flat(signed), flat(altered)];
    expect(after).toHaveLength(before.length);
    expect([...after].filter((char, at) => char !== before[at])).toHaveLength(1);
  });

  test.each([
    ["a sender that is none", "snss", {}, 'There is no sender "snss". Did you mean "sns"?'],
    [
      "a connection that is none",
      "sns",
      { connection: "al" },
      'There is no connection "al". Did you mean "all"?',
    ],
    [
      "a connection that does not take it",
      "sns",
      { connection: "inbox" },
      "Give a connection the scheme sns",
    ],
    ["an event that the sender never tells", "b2", { event: "acl" }, 'no events of the type "acl"'],
    ["an object without a key", "b2", { object: "photos" }, "Write bucket/key"],
    ["R2's queue with --tamper", "r2", { tamper: true }, "no signed byte to alter"],
  ])("%s is refused with what to write", async (_, kind, flags, message) => {
    await expect(requestFor(local, kind, { ...said, ...flags })).rejects.toThrow(message);
  });

  test("a connection that trusts only AWS says that only AWS can sign", async () => {
    const sns = { scheme: "sns" as const, topic_arns: ["arn:aws:sns:us-east-1:123456789012:uploads"] };
    const { connections } = connectionsWith(sns);
    await expect(requestFor({ ...local, connections }, "sns", said)).rejects.toThrow("Only AWS can sign");
  });

  test("pinned certificates and key sets come back from .weir/dev.env as they were made", () => {
    const root = project();
    const made = devSecrets(root, parsed, randomBytes);
    expect(made.CERTIFICATE).toMatch(/^-----BEGIN CERTIFICATE-----\n[\s\S]+\n-----END CERTIFICATE-----\n$/);
    expect(JSON.parse(made.JWKS ?? "")).toMatchObject({ keys: [{ kid: "local" }] });
    expect(devSecrets(root, parsed, randomBytes)).toEqual(made);
  });

  test("weir validate warns of every pinned certificate and key set", () => {
    const root = project({
      "connections.json": { connections: { ...parsed, results: { kind: "d1", database: "results" } } },
    });
    const warnings = validate(loadProject(root)).warnings.map(({ problem }) => problem);
    expect(warnings).toContainEqual(expect.stringContaining("instead of AWS's own"));
    expect(warnings).toContainEqual(expect.stringContaining("instead of Google's own"));
  });
});
