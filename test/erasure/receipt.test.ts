// Receipts of erasures, by the commands: one is fetched into a file, checked without asking anybody, and does not verify
// when it was changed or was signed by another key.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProgram } from "../../cli/program.ts";
import type { ReceiptBody } from "../../src/shapes/erasure.ts";
import { receiptKeyOf, signReceipt } from "../../src/shapes/receipt.ts";

const BODY: ReceiptBody = {
  ...{ version: 1, id: "era_1", weir: "https://weir.example", commit: "abc", connection: "cam" },
  ...{ began_at: "2026-11-23T12:00:00.000Z", ended_at: "2026-11-23T12:16:00.000Z" },
  scope: { kind: "key", hash: "0f" },
  by: { key_id: "key_1", key_name: "officer" },
  objects: { count: 1, hashes: ["0f"] },
  erased: [{ store: "log", table: "log", count: 2 }],
  not_reached: [],
};

const folder = mkdtempSync(join(tmpdir(), "weir-receipt-"));
const server = createServer(async (request, response) => {
  const receipt = request.url?.endsWith("era_1") ? await signReceipt("root", BODY) : null;
  const erasure = { id: "era_1", status: receipt ? "done" : "settling", dry_run: false, trouble: null };
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ ...erasure, settles_at: "2026-11-23T12:16:00.000Z", receipt }));
});
beforeAll(() => new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve)));
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

const run = (...words: string[]) => createProgram().parseAsync(words, { from: "user" });
const file = join(folder, "receipt.json");
const fetchReceipt = (id: string) => {
  const { port } = server.address() as AddressInfo;
  process.env.WEIR_API_KEY = "k";
  return run("--root", folder, "erase", "receipt", id, "--out", file, "--url", `http://127.0.0.1:${port}`);
};

test("a receipt is fetched, and verifies by itself and against the key of its Weir", async () => {
  await fetchReceipt("era_1");
  await run("erase", "verify", file);
  await run("erase", "verify", file, "--kid", (await receiptKeyOf("root")).kid);
});

test("a receipt that is not there yet is said to be so, with the time", async () => {
  await expect(fetchReceipt("era_2")).rejects.toThrow(
    /no receipt of era_2 yet: it is settling.*2026-11-23T12:16/,
  );
});

test("a receipt that was changed, or signed by another key, does not verify", async () => {
  const receipt = JSON.parse(readFileSync(file, "utf8"));
  const changed = join(folder, "changed.json");
  const write = (value: unknown) => writeFileSync(changed, JSON.stringify(value));
  write({ ...receipt, erased: [] });
  await expect(run("erase", "verify", changed)).rejects.toThrow(/was changed since it was signed/);
  const other = await signReceipt("another root", BODY);
  write({ ...receipt, signature: { ...receipt.signature, key: other.signature.key } });
  await expect(run("erase", "verify", changed)).rejects.toThrow(/was changed since it was signed/);
  write(other);
  await run("erase", "verify", changed);
  await expect(run("erase", "verify", changed, "--kid", receipt.signature.key.kid)).rejects.toThrow(
    /another key/,
  );
  writeFileSync(changed, "{");
  await expect(run("erase", "verify", changed)).rejects.toThrow(/cannot be read/);
});
