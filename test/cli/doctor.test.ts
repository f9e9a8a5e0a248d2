// What `weir doctor` says of a ledger, by what the running Weir's /metrics says of its fullest shard.
import { expect, test } from "vitest";
import { ledgerFinding } from "../../cli/account/doctor.ts";

const metrics = (ratio: string) =>
  `# TYPE weir_ledger_fullest_shard_ratio gauge\nweir_ledger_fullest_shard_ratio ${ratio}\nweir_replays_active 0\n`;

test("a ledger is in order below 70 %, and from there on more shards are advised", () => {
  expect(ledgerFinding(metrics("0.0001"))).toMatchObject({
    state: "ok",
    said: "its fullest shard is 0 % full",
  });
  expect(ledgerFinding(metrics("0.69"))).toMatchObject({ state: "ok" });
  const full = ledgerFinding(metrics("0.7"));
  expect(full).toMatchObject({ state: "bad", said: "its fullest shard is 70 % full" });
  expect(full.next).toContain("weir ledger grow");
});

test("where the metrics cannot be read, that is no fault", () => {
  expect(ledgerFinding("")).toMatchObject({ state: "unknown" });
});
