// A real Ceph RGW on loopback, started from Debian's packages, and the few S3 and SNS calls that a test
// drives it by. See start-ceph.sh for what it is made of.
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { AwsClient } from "aws4fetch";
import { freePort } from "../../cli/io/ports.ts";
import { objectUrl } from "../../src/source/object-url.ts";

const script = (name: string) => new URL(name, import.meta.url).pathname;
const KEYS = { accessKeyId: "testkey", secretAccessKey: "testsecret" };

/** Why no RGW can be started here, or undefined where one can. */
export function whyNoCeph(): string | undefined {
  if (process.platform !== "linux") return "Ceph is started on Linux only";
  const missing = ["ceph-mon", "ceph-osd", "radosgw"].filter((program) => {
    try {
      execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length === 0) return undefined;
  return `${missing.join(", ")} not installed (as root on Debian: test/peers/install-ceph.sh)`;
}

export interface Listed {
  key: string;
  size: number;
  etag: string;
}

export interface Version {
  id: string;
  isLatest: boolean;
  isMarker: boolean;
}

const percent = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;

export type Ceph = Awaited<ReturnType<typeof startCeph>>;

export async function startCeph() {
  const folder = mkdtempSync(join(tmpdir(), "weir-ceph-"));
  const port = await freePort();
  const env = {
    ...process.env,
    CEPH_DIR: join(folder, "cluster"),
    RGW_PORT: String(port),
    MON_PORT: String(await freePort()),
  };
  const run = (name: string) => promisify(execFile)(script(name), [], { env });
  await run("start-ceph.sh").catch(async (error: Error & { stdout?: string }) => {
    await run("stop-ceph.sh");
    throw new Error(`Ceph did not start: ${error.stdout ?? ""} ${error.message}`);
  });
  const base = `http://127.0.0.1:${port}`;
  const s3 = new AwsClient({ ...KEYS, service: "s3", region: "us-east-1", retries: 0 });
  const sns = new AwsClient({ ...KEYS, service: "sns", region: "default", retries: 0 });

  const ask = async (method: string, url: string, init: RequestInit = {}, client = s3) => {
    const response = await client.fetch(url, { ...init, method });
    if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
    return response;
  };
  const objects = (bucket: string) => (key: string) => objectUrl(base, bucket, key);

  return {
    base,
    keys: KEYS,
    createBucket: (bucket: string) => ask("PUT", `${base}/${bucket}`),
    async keepVersions(bucket: string) {
      const body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
      await ask("PUT", `${base}/${bucket}?versioning`, { body });
    },
    /** Topics are made one after another: made at once, some are lost. */
    async createTopic(name: string, endpoint: string, attributes: Record<string, string> = {}) {
      const named = Object.entries({ "push-endpoint": endpoint, ...attributes });
      const body = new URLSearchParams({ Action: "CreateTopic", Name: name });
      for (const [n, [key, value]] of named.entries()) {
        body.set(`Attributes.entry.${n + 1}.key`, key);
        body.set(`Attributes.entry.${n + 1}.value`, value);
      }
      // Credentials in an endpoint are taken only from a request that says it came by HTTPS.
      const headers = {
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "x-forwarded-proto": "https",
      };
      await ask("POST", `${base}/`, { body: body.toString(), headers }, sns);
    },
    async notify(bucket: string, topic: string) {
      const events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"].map((name) => `<Event>${name}</Event>`);
      const rule = `<Id>${topic}</Id><Topic>arn:aws:sns:default::${topic}</Topic>${events.join("")}`;
      const topics = `<TopicConfiguration>${rule}</TopicConfiguration>`;
      const body = `<NotificationConfiguration>${topics}</NotificationConfiguration>`;
      await ask("PUT", `${base}/${bucket}?notification`, { body });
    },
    in(bucket: string) {
      const at = objects(bucket);
      return {
        put: (key: string, body: string, headers: Record<string, string> = {}) =>
          ask("PUT", at(key), { body, headers }),
        copy: (from: string, to: string) =>
          ask("PUT", at(to), { headers: { "x-amz-copy-source": new URL(at(from)).pathname } }),
        /** One object at a time: DeleteObjects in a bucket with notifications ends this release. */
        remove: (key: string) => ask("DELETE", at(key)),
        removeVersion: (key: string, id: string) =>
          ask("DELETE", `${at(key)}?versionId=${encodeURIComponent(id)}`),
        /** Every version and delete marker of an object, the newest first. */
        async versions(key: string): Promise<Version[]> {
          const query = `versions&encoding-type=url&prefix=${encodeURIComponent(key).replace(/[!'()*]/g, percent)}`;
          const text = await (await ask("GET", `${base}/${bucket}?${query}`)).text();
          const all = [...text.matchAll(/<(Version|DeleteMarker)>(.*?)<\/\1>/gs)];
          return all.flatMap(([, kind, entry = ""]) => {
            if (listed(entry).key !== key) return [];
            const id = /<VersionId>([^<]*)</.exec(entry)?.[1] ?? "null";
            const isLatest = /<IsLatest>true</.test(entry);
            return [{ id, isLatest, isMarker: kind === "DeleteMarker" }];
          });
        },
        read: async (key: string) => (await ask("GET", at(key))).text(),
        async multipart(key: string, parts: string[]) {
          const begun = await (await ask("POST", `${at(key)}?uploads`)).text();
          const upload = /<UploadId>([^<]+)</.exec(begun)?.[1] ?? "";
          const done: string[] = [];
          for (const [n, body] of parts.entries()) {
            const url = `${at(key)}?partNumber=${n + 1}&uploadId=${encodeURIComponent(upload)}`;
            const etag = (await ask("PUT", url, { body })).headers.get("etag") ?? "";
            done.push(`<Part><PartNumber>${n + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
          }
          const body = `<CompleteMultipartUpload>${done.join("")}</CompleteMultipartUpload>`;
          await ask("POST", `${at(key)}?uploadId=${encodeURIComponent(upload)}`, { body });
        },
        /** Every object, page by page. */
        async list(pageSize = 7): Promise<Listed[]> {
          const all: Listed[] = [];
          for (let token: string | undefined = ""; token !== undefined; ) {
            const query = `list-type=2&encoding-type=url&max-keys=${pageSize}`;
            const next: string = token === "" ? "" : `&continuation-token=${encodeURIComponent(token)}`;
            const text: string = await (await ask("GET", `${base}/${bucket}?${query}${next}`)).text();
            for (const [, entry = ""] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs))
              all.push(listed(entry));
            token = /<NextContinuationToken>([^<]*)</.exec(text)?.[1];
          }
          return all;
        },
      };
    },
    async close() {
      await run("stop-ceph.sh");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** An apostrophe is left by RGW's percent-encoding, and then escaped for XML. */
const ENTITIES: Record<string, string> = { apos: "'", quot: '"', amp: "&", lt: "<", gt: ">" };

const listed = (entry: string): Listed => {
  const text = (name: string) => {
    const escaped = new RegExp(`<${name}>([^<]*)<`).exec(entry)?.[1] ?? "";
    return escaped.replace(/&(\w+);/g, (_, entity: string) => ENTITIES[entity] ?? "");
  };
  return {
    key: decodeURIComponent(text("Key").replaceAll("+", " ")),
    size: Number(text("Size")),
    etag: text("ETag").replaceAll('"', ""),
  };
};
