// A question out of the words and flags of a command line, or out of a file of golden queries: what it begins with and
// which items it may find.
import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { SearchRequest } from "../../src/client/client.ts";
import { CliError } from "../io/output.ts";

/** Largest picture, bytes: the router takes no larger one. */
const MAX_PICTURE_BYTES = 8_000_000;

/** What a question begins with, as a person names it: a picture, an item, or a key with a second perhaps. */
export function likeOf(named: string): Pick<SearchRequest, "image" | "like"> {
  if (/^https?:\/\//.test(named)) return { image: { url: named } };
  if (/^itm_[0-9a-f]{32}_\d+(@|$)/.test(named)) {
    const [item = "", second] = named.split("@");
    return { like: { item, ...(second !== undefined && { second: secondOf(second, named) }) } };
  }
  if (existsSync(resolve(named)) && statSync(resolve(named)).isFile()) return { image: pictureOf(named) };
  const at = /^(.+)@([\d.]+)$/.exec(named);
  const [, key = named, second] = at ?? [];
  return { like: { object: { key }, ...(second !== undefined && { second: secondOf(second, named) }) } };
}

function pictureOf(path: string): { data: string } {
  const { size } = statSync(resolve(path));
  if (size > MAX_PICTURE_BYTES)
    throw new CliError(
      `${path} has ${size} bytes: a question's picture has ${MAX_PICTURE_BYTES} at most.`,
      [],
      2,
    );
  return { data: readFileSync(resolve(path)).toString("base64") };
}

function secondOf(text: string, named: string): number {
  const second = Number(text);
  if (text !== "" && Number.isFinite(second) && second >= 0) return second;
  throw new CliError(`"${named}" names no second: write KEY@SECOND, as in films/a.mp4@12.5.`, [], 2);
}

/** A filter as JSON, or in a file. @throws CliError */
export function filterOf(written: string): Record<string, unknown> {
  const isFile = existsSync(resolve(written));
  const text = isFile ? readFileSync(resolve(written), "utf8") : written;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {}
  throw new CliError(
    `${isFile ? written : "--filter"} is no JSON object. Write conditions as in '{"data":{"speaker":["anna"]}}'.`,
    [],
    2,
  );
}
