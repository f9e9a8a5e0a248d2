// A hub as Hugging Face's is laid out: `/api/models/{id}/revision/{revision}` lists files with sizes and hashes,
// `/{id}/resolve/{commit}/{file}` redirects to a store. A mirror has the same paths.
// https://huggingface.co/docs/hub/api
import { z } from "zod";
import { isTrustedUrl } from "../../src/shapes/endpoint-model.ts";
import { fetchNamed } from "../../src/shapes/user-agent.ts";
import { CliError } from "../io/output.ts";
import { causeOf, download } from "./download.ts";
import type { ModelSource, SourceFile } from "./source.ts";

export const HUB = "https://huggingface.co";
/** Without an answer, or a further piece of one, milliseconds. */
const PATIENCE_MS = 60_000;
const MAX_REDIRECTS = 5;

const infoSchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  cardData: z.object({ license: z.unknown(), license_name: z.unknown() }).partial().nullish(),
  tags: z.array(z.string()).optional(),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.int().nonnegative().optional(),
      blobId: z.string().optional(),
      lfs: z.object({ sha256: z.string(), size: z.int().nonnegative() }).nullish(),
    }),
  ),
});

export interface HubModel {
  hub: string;
  id: string;
  /** Branch, tag or commit. */
  revision: string;
}

/** Looks a model up. `token` lets the hub show what is gated. @throws CliError */
export async function openHub(
  { hub, id, revision }: HubModel,
  token: string | undefined,
): Promise<ModelSource> {
  requireSecure(new URL(hub), "The hub");
  const path = `api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const url = new URL(path, slashed(hub));
  const response = await ask({ url, hub, id, token, from: 0 }).catch((error: unknown) => {
    throw error instanceof CliError ? error : down(url, error);
  });
  const parsed = infoSchema.safeParse(await response.json().catch(() => undefined));
  if (!parsed.success)
    throw new CliError(
      `${hub} does not answer as a hub does about ${id}. Check --hub: it is a base URL, like ${HUB}.`,
    );
  const { sha, siblings, cardData, tags } = parsed.data;
  const files = siblings.map(
    ({ rfilename, size, lfs, blobId }): SourceFile => ({
      path: rfilename,
      bytes: lfs?.size ?? size ?? -1,
      sha256: lfs?.sha256,
      gitSha1: lfs ? undefined : blobId,
    }),
  );
  return {
    hub,
    id,
    revision: sha,
    licence: licenceOf(cardData, tags),
    files,
    fetch: (file, target) => {
      if (file.bytes < 0 || (file.sha256 ?? file.gitSha1) === undefined)
        throw new CliError(
          `${hub} states neither size nor hash of ${file.path}, so it cannot be checked. Use another hub.`,
        );
      const url = new URL(
        `${id}/resolve/${sha}/${file.path.split("/").map(encodeURIComponent).join("/")}`,
        slashed(hub),
      );
      return download(file, target, (from) => ask({ url, hub, id, token, from, file }));
    },
  };
}

/** A licence as the page's header has it; `other` has its name beside it. */
function licenceOf(card: z.infer<typeof infoSchema>["cardData"], tags: string[] = []): string | undefined {
  const text = (value: unknown) => (typeof value === "string" && value.length < 100 ? value : undefined);
  const stated = Array.isArray(card?.license) ? text(card.license[0]) : text(card?.license);
  const tag = tags.find((one) => one.startsWith("license:"))?.slice("license:".length);
  const licence = stated ?? tag;
  return licence === "other" ? (text(card?.license_name) ?? licence) : licence;
}

interface Question {
  url: URL;
  hub: string;
  id: string;
  token: string | undefined;
  /** The first byte that is wanted. */
  from: number;
  file?: SourceFile;
}

/** An answer of 200 or 206, wherever the hub redirects to. The token goes to the hub alone. */
async function ask(question: Question): Promise<Response> {
  const { hub, id, token, from, file } = question;
  let { url } = question;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const own = url.origin === new URL(hub).origin;
    const stalled = new AbortController();
    const headers = {
      ...(from > 0 && { range: `bytes=${from}-` }),
      ...(own && token !== undefined && { authorization: `Bearer ${token}` }),
      // A compressed answer has other bytes than were asked for.
      "accept-encoding": "identity",
    };
    const timer = setTimeout(() => stalled.abort(new Error("no answer")), PATIENCE_MS);
    const response = await fetchNamed(url, { headers, redirect: "manual", signal: stalled.signal }).finally(
      () => clearTimeout(timer),
    );
    if (own && file) checkStated(response, file, hub);
    const location = response.headers.get("location");
    if (response.status >= 300 && response.status < 400 && location !== null) {
      url = new URL(location, url);
      requireSecure(url, `${hub} redirects, and its store`);
      continue;
    }
    if (response.status === 200 || (response.status === 206 && startsAt(response, from)))
      return watched(response, stalled);
    throw refused(response, url, id, hub, token);
  }
  throw new CliError(`${hub} redirects more than ${MAX_REDIRECTS} times. Check --hub.`);
}

/** The answer, whose body fails where nothing of it comes for long. */
function watched(response: Response, stalled: AbortController): Response {
  if (!response.body) return response;
  const late = () => setTimeout(() => stalled.abort(new Error("nothing more came")), PATIENCE_MS);
  let timer = late();
  const watch = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      clearTimeout(timer);
      timer = late();
      controller.enqueue(chunk);
    },
    flush: () => clearTimeout(timer),
    cancel: () => clearTimeout(timer),
  });
  stalled.signal.addEventListener("abort", () => clearTimeout(timer));
  const body = response.body.pipeThrough(watch);
  return new Response(body, { status: response.status, headers: response.headers });
}

const startsAt = (response: Response, from: number) =>
  response.headers.get("content-range")?.startsWith(`bytes ${from}-`) === true;

/** What the hub says of a file when it redirects must be what it says when it lists it. */
function checkStated(response: Response, file: SourceFile, hub: string): void {
  const size = response.headers.get("x-linked-size");
  const hash = response.headers.get("x-linked-etag")?.replace(/^W\/|"/g, "");
  const differs =
    (size !== null && Number(size) !== file.bytes) ||
    (hash !== undefined && /^[0-9a-f]{64}$/.test(hash) && file.sha256 !== undefined && hash !== file.sha256);
  if (differs)
    throw new CliError(
      `${hub} contradicts itself about ${file.path}: it lists ${file.bytes} bytes with ${file.sha256}, and redirects to ${size} bytes with ${hash}. models.json is as it was. Use another hub.`,
    );
}

/** Why nothing comes; what may pass is no CliError, and is tried again. */
function refused(
  { status, headers }: Response,
  url: URL,
  id: string,
  hub: string,
  token: string | undefined,
): Error {
  if (status === 401 || status === 403) {
    const next = token
      ? "The token in HF_TOKEN may not read it: accept its terms there with the account of the token."
      : "Accept its terms there, then give a token of that account: HF_TOKEN=… weir models add …";
    const detail = `${hub} does not show ${id} to everybody (${status}): it is gated, private, or there is none of this name. See ${hub}/${id}.`;
    return new CliError(`${detail} ${next}`, [], 3);
  }
  if (status === 404)
    return new CliError(
      `${hub} has no ${decodeURIComponent(url.pathname.slice(1))} (404). Look the name up at ${hub}/${id}, or see \`weir models list --catalogue\`.`,
      [],
      4,
    );
  if (status === 429 || status >= 500) {
    const wait = headers.get("retry-after");
    return new Error(`${url.host} answered ${status}${wait === null ? "" : `, and asks to wait ${wait} s`}`);
  }
  return new CliError(`${url.host} answered ${status}. Try again later, or name another hub with --hub.`);
}

const down = (url: URL, error: unknown) =>
  new CliError(
    `${url.host} cannot be reached: ${causeOf(error)}. models.json is as it was. Try again later, name a mirror with --hub, or bring the model's files as a folder: weir models add ./FOLDER`,
  );

function requireSecure(url: URL, what: string): void {
  if (isTrustedUrl(url)) return;
  throw new CliError(`${what} must be https, or http on this machine, without a password: ${url.origin}`);
}

const slashed = (hub: string) => (hub.endsWith("/") ? hub : `${hub}/`);
