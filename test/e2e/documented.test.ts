// Every command that README.md and docs/*.md show is run here as it stands, in a clone of the project and against
// its own `weir dev`; or it is on one of the two lists below, with the reason or with the test that runs it.
// A new command in the docs is run without a word said here; where it cannot be, this test says what to do.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../cli/project/project.ts";
import { makeVideo } from "../../cli/sample-media/media.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";
import { type Clone, clone, dev, type Running } from "../support/clone.ts";
import { commandsOf, type Documented, PAGES } from "../support/documented.ts";
import { openShell } from "../support/shell.ts";

/** What cannot be run here, and why. */
const NOT_HERE: [RegExp, string][] = [
  [/^(aws|mc|b2|gcloud|tigris) /, "needs the sender's own tool and an account with it"],
  [/^export AWS_REGION=/, "is for the aws commands after it"],
  [/^(connection|destination)=\$\(aws /, "needs an AWS account"],
  [/^npx wrangler /, "needs a Cloudflare account"],
  [/\| gh secret set /, "needs GitHub's own tool and a repository there"],
  [
    /^npm test$|\bvitest run\b|\bnpm run model$/,
    "runs tests, and this is one: npm test and npm run test:slow run them all",
  ],
  [/^[A-Z_…]+=…/, "is a line of a file, prod.env, not a command"],
];

/** What another test runs, and words of it by which that can be seen. */
const ELSEWHERE: [RegExp, string, string][] = [
  [/^npm start$/, ".ci/run", "npm start --silent -- --once --port 0"],
  [/^weir dev$/, "test/support/clone.ts", '"dev", "--port", "0"'],
  [/^weir init \.$/, "test/cli/init.test.ts", '"init"'],
  [/^weir models add clip$/, "test/cli/models.test.ts", 'add(["clip"])'],
  [/deploy --plan/, "test/deploy/deploy.test.ts", '["deploy", "--plan"'],
  [/deploy( --secrets-file prod\.env)?$/, "test/deploy/deploy.test.ts", '["deploy"'],
  [/deploy --changed$/, "test/deploy/deploy.test.ts", '["deploy", "--changed"'],
  [/deploy --changed origin\/main$/, "test/deploy/deploy.test.ts", '"--changed", "'],
  [/deploy --replay$/, "test/deploy/deploy.test.ts", '"--replay"'],
  [/deploy --no-replay$/, "test/deploy/deploy.test.ts", '"--no-replay"'],
  [/weir compare /, "test/e2e/release.test.ts", '["compare", '],
  [/rollback \S+ --plan$/, "test/cli/rollback.test.ts", '"rollback", "one", "--plan"'],
  [/rollback \S+ --commit$/, "test/deploy/deploy.test.ts", '"rollback", "two", "--yes", "--commit"'],
  [/rollback \S+ 51a3 /, "test/cli/rollback.test.ts", "to a version by its first digits"],
  [/rollback \S+ --no-deploy$/, "test/cli/rollback.test.ts", '"--yes", "--no-deploy"'],
  [/erase receipt /, "test/erasure/receipt.test.ts", '"erase", "receipt"'],
  [/erase verify /, "test/erasure/receipt.test.ts", '"erase", "verify"'],
  [/deploy --force$/, "test/deploy/deploy.test.ts", '["deploy", "--force"'],
  [
    /^npm run weir -- filter (test|diff) .*(evt_\w{32}|changed\.json)/,
    "test/e2e/filters.test.ts",
    '"filter"',
  ],
];

/** Commands that end otherwise than with 0 where nothing is wrong. */
const MAY_END: [RegExp, number, RegExp][] = [
  [/(replay (pause|resume|cancel)|runs cancel) /, 1, /409 the (replay|run) .*(done|ended|dead|succeeded)/],
];

/** Connections of docs/sources.md whose commands need nothing but curl. */
const DOCUMENTED_CONNECTIONS = ["conn_hook", "conn_sig", "conn_cloud"];

let project: Clone;
let stack: Running;
beforeAll(async () => {
  project = clone(documentedConnections());
  [stack] = await Promise.all([
    dev(project),
    makeVideo(join(project.root, "my.mp4"), { seconds: 12, width: 160, height: 90, fps: 10, gopSeconds: 2 }),
  ]);
}, 180_000);
afterAll(async () => {
  await stack?.stop();
  project?.remove();
});

test.each(PAGES)(
  "%s: its commands run as they stand",
  async (page) => {
    const commands = commandsOf(page).filter((one) => !excused(one));
    if (commands.length === 0) return;
    if (page === "docs/operations.md") await breakSomething();
    const shell = openShell(project.root, { ...project.env, ...stack.secrets, WEIR_URL: stack.url });
    try {
      for (const { text, place } of commands) {
        const before = await eventIds();
        const { code, stdout, stderr } = await shell.type(await filledIn(text));
        const may = MAY_END.find(([what, , why]) => what.test(text) && why.test(stderr));
        const what = { place, text, code, stdout: stdout.slice(-1500), stderr: stderr.slice(-1500) };
        expect(what, NEXT).toEqual({ ...what, code: code === may?.[1] ? code : 0 });
        if (text.includes("curl "))
          expect(what, NEXT).toEqual({ ...what, stdout: expect.stringMatching(NO_PROBLEM) });
        await settled(text, before);
      }
    } finally {
      await shell.close();
    }
  },
  240_000,
);

test("what is run elsewhere is run there", () => {
  for (const [what, file, words] of ELSEWHERE)
    expect([String(what), readFileSync(join(packageRoot, file), "utf8").includes(words)]).toEqual([
      String(what),
      true,
    ]);
});

test("no excuse is left over", () => {
  const all = PAGES.flatMap(commandsOf);
  const unused = [...NOT_HERE, ...ELSEWHERE].filter(([what]) => !all.some(({ text }) => what.test(text)));
  expect(unused.map(([what]) => String(what))).toEqual([]);
});

const NEXT =
  "a documented command does not do what it says. Mend the docs or the command; what cannot be run here belongs " +
  "in NOT_HERE or ELSEWHERE of test/e2e/documented.test.ts, with its reason";

/** curl ends with 0 whatever it is told: an answer that is a problem is none. */
const NO_PROBLEM = /^(?!.*"type":"urn:weir:problem)/s;

const excused = ({ text }: Documented) => [...NOT_HERE, ...ELSEWHERE].some(([what]) => what.test(text));

/** The command with this stack's address and ids in the places that the docs leave to the reader. */
async function filledIn(text: string): Promise<string> {
  let filled = text
    .replaceAll("localhost:8787", new URL(stack.url).host)
    .replaceAll("https://weir.example.com", stack.url);
  const ids: Record<string, () => Promise<string>> = {
    // The put's own event, the oldest: an invocation is one too, and knows less of the object.
    EVENT_ID: async () => {
      const { data } = await read<{ data: { id: string }[] }>("/v1/events?key=videos/my.mp4");
      return data.at(-1)?.id ?? "none";
    },
    ITEM_ID: async () =>
      (await first<{ id: string }>("/v1/collections/data_bucket/items?key=videos/my.mp4")).id,
    run_ID: async () => dead ?? (await first<{ id: string }>("/v1/runs")).id,
    rpl_ID: async () => (await first<{ id: string }>("/v1/replays")).id,
  };
  for (const [name, find] of Object.entries(ids))
    if (filled.includes(name)) filled = filled.replaceAll(name, await find());
  return filled;
}

const read = async <T>(path: string): Promise<T> => {
  const headers = { authorization: `Bearer ${stack.secrets.WEIR_API_KEY}` };
  const response = await fetch(stack.url + path, { headers });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
};
async function first<T>(path: string): Promise<T> {
  const { data } = await read<{ data: T[] }>(path);
  if (data[0] === undefined) throw new Error(`${path} is empty: the docs name what is not there yet`);
  return data[0];
}

/** Ids of all events: a documented one may be of a day that is past, and so is not the newest. */
const eventIds = async () =>
  new Set((await read<{ data: { id: string }[] }>("/v1/events?limit=200")).data.map(({ id }) => id));

/** The run that ended dead, where the page needs one. */
let dead: string | undefined;

/** What an operator's page is about: a run that ended dead, of a file that is no video. */
async function breakSomething(): Promise<void> {
  writeFileSync(join(project.root, "broken.mp4"), "no video");
  const shell = openShell(project.root, { ...project.env, ...stack.secrets, WEIR_URL: stack.url });
  const put = "weir put broken.mp4 weir-media/broken.mp4 --metadata foo=bar";
  const before = await eventIds();
  expect(await shell.type(put)).toMatchObject({ code: 0 });
  await settled(put, before);
  await shell.close();
  for (const until = Date.now() + 30_000; dead === undefined && Date.now() < until; await pause(100)) {
    const { data } = await read<{ data: { run_id: string }[] }>("/v1/dead-letters");
    dead = data[0]?.run_id;
  }
}

/** Until what a command has told is on record, and every run has ended. */
async function settled(text: string, before: Set<string>): Promise<void> {
  const tells = /weir (-- )?(put|rm|trigger) |connections\/\w+\/events/.test(text);
  const open = async () => {
    if (tells && [...(await eventIds())].every((id) => before.has(id))) return "its event is not on record";
    const { data } = await read<{ data: { status: string }[] }>("/v1/runs?limit=20");
    return data.find(({ status }) => ["pending", "queued", "running", "failed"].includes(status));
  };
  const until = Date.now() + 60_000;
  for (let left = await open(); left !== undefined; left = await open()) {
    if (Date.now() > until)
      throw new Error(
        `what \`${text}\` began did not end: ${JSON.stringify(left)}\n${stack.said().slice(-3000)}`,
      );
    await pause(100);
  }
}

/** The connections of docs/sources.md, as it writes them, in the rest that every S3 connection needs. */
function documentedConnections() {
  const page = readFileSync(join(packageRoot, "docs/sources.md"), "utf8");
  const sections = page.matchAll(/```json\n([^`]*)\n```\n`npm run weir -- connect \S+ --connection (\S+)`/g);
  const connections = Object.fromEntries(
    [...sections].flatMap(([, events = "", id = ""]) => {
      const rest = { kind: "s3", buckets: ["media"], region: "us-east-1" };
      const keys = { access_key_id: "MEDIA_KEY_ID", secret_access_key: "MEDIA_SECRET" };
      return DOCUMENTED_CONNECTIONS.includes(id)
        ? [[id, { ...rest, ...keys, ...JSON.parse(`{${events}}`) }]]
        : [];
    }),
  );
  expect(Object.keys(connections)).toEqual(DOCUMENTED_CONNECTIONS);
  return connectionsSchema.parse({ connections }).connections;
}
