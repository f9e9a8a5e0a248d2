// A picture drawn from JavaScript's bytes is the same however often it is drawn: nothing is collected under it.
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { makeImage } from "../../cli/sample-media/media.ts";

test("the same picture is drawn and encoded to the same bytes, fifty times over", async () => {
  const seen = new Set<string>();
  for (let round = 0; round < 25; round++) {
    for (const format of ["jpeg", "png"] as const) {
      const bytes = await makeImage({ seed: 3, format });
      seen.add(`${format} ${createHash("sha256").update(bytes).digest("hex")}`);
    }
  }
  expect(seen.size).toBe(2);
});
