// One order of settings for every command: a flag, the environment, a profile, local work. And one grammar of spans.
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { timeOf } from "../../cli/io/times.ts";
import { stackOf } from "../../cli/senders/stack-of.ts";
import { change, folder, project } from "./support/given.ts";
import { weirHere } from "./support/run.ts";

const DEPLOYED = "https://weir.example.com";
const s3 = {
  kind: "s3",
  buckets: ["photos"],
  region: "us-east-1",
  access_key_id: "PHOTOS_ID",
  secret_access_key: "PHOTOS_KEY",
  events: [{ scheme: "standard-webhooks", secrets: ["PHOTOS_SECRET"] }],
};
const withS3 = () => {
  const root = project();
  change(root, {
    "connections.json": { connections: { photos: s3, results: { kind: "d1", database: "results" } } },
    ".weir/dev.env": "WEIR_API_KEY=weir_local\nPHOTOS_SECRET=whsec_bG9jYWw=\n",
  });
  return root;
};
const setEnv = (env: Record<string, string>) => {
  for (const [name, value] of Object.entries({ HOME: "/nonexistent", ...env })) vi.stubEnv(name, value);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
};

describe("the stack that trigger, connect, put and rm talk to", () => {
  test("holds this machine's secrets only where it is on this machine", () => {
    setEnv({ WEIR_URL: "" });
    const root = withS3();
    expect(stackOf(root, {})).toMatchObject({
      url: "http://127.0.0.1:8787",
      secrets: { WEIR_API_KEY: "weir_local", PHOTOS_SECRET: "whsec_bG9jYWw=" },
    });
    const { secrets } = stackOf(root, { url: DEPLOYED });
    expect(secrets.WEIR_API_KEY).toBeUndefined();
    expect(secrets.PHOTOS_SECRET).toBeUndefined();
  });

  test("is the profile's where neither flag nor environment names one, with the profile's key", () => {
    const prod = { url: `${DEPLOYED}/`, api_key: "weir_prod" };
    const XDG_CONFIG_HOME = folder({ "weir/profiles.json": { default: "prod", profiles: { prod } } });
    setEnv({ XDG_CONFIG_HOME, WEIR_URL: "" });
    expect(stackOf(withS3(), {})).toMatchObject({ url: DEPLOYED, secrets: { WEIR_API_KEY: "weir_prod" } });
  });

  test("is asked with WEIR_KEY before WEIR_API_KEY, like every other command", () => {
    setEnv({ WEIR_URL: DEPLOYED, WEIR_KEY: "weir_reader", WEIR_API_KEY: "weir_root" });
    expect(stackOf(withS3(), {}).secrets.WEIR_API_KEY).toBe("weir_reader");
  });

  test("put and rm refuse one that is elsewhere, and say what to do", async () => {
    const root = withS3();
    for (const words of [
      ["put", `${root}/wrangler.toml`, "photos/a"],
      ["rm", "photos/a"],
    ]) {
      const { code, stderr } = await weirHere(["--root", root, ...words, "--url", DEPLOYED]);
      expect(code).toBe(2);
      expect(stderr).toContain(`${DEPLOYED} is not on this machine`);
    }
  });

  test("connect sends no key of local work to one that is elsewhere", async () => {
    const { code, stderr } = await weirHere(["--root", withS3(), "connect", "cloudevents"], {
      WEIR_URL: DEPLOYED,
    });
    expect(code).toBe(3);
    expect(stderr).toContain(`There is no API key for ${DEPLOYED}`);
  });
});

describe("a span of time", () => {
  const now = Date.parse("2026-11-26T00:00:00Z");

  test.each([
    ["45s", "2026-11-25T23:59:15.000Z"],
    ["30m", "2026-11-25T23:30:00.000Z"],
    ["12h", "2026-11-25T12:00:00.000Z"],
    ["7d", "2026-11-19T00:00:00.000Z"],
    ["2w", "2026-11-12T00:00:00.000Z"],
  ])("%s is understood by every flag", (text, moment) => {
    expect(timeOf("since", text, now)).toBe(moment);
  });

  test("that is none is refused with what would be one", () => {
    expect(() => timeOf("since", "2y", now)).toThrow("a span such as 2w, 7d, 12h, 30m or 45s");
  });
});
