// The key of this page. It is held by its tabs alone: a tab's own session storage, which ends with the tab, and messages
// between open tabs, so that a new tab need not ask again. It is never in an address that stays, nor in storage that
// outlives the tabs.
import { signal } from "@preact/signals";
import { followAddress } from "./route.ts";

const STORED = "weir-key";
const REPLACES = "This link brings another API key. Use it instead of the one that this page has?";
/** Time for which a new tab waits for another one to hand over its key, ms. */
const HANDOVER_MS = 150;

type Message = { asks: true } | { key: string } | { forget: true };

/** The key that calls are made with; null where the page has to ask for one. */
export const key = signal<string | null>(null);

/** Why the key that the page had does not do. */
export const refusal = signal("");

const tabs = new BroadcastChannel("weir-key");
tabs.addEventListener("message", ({ data }: MessageEvent<Message>) => {
  if ("asks" in data && key.value !== null) tabs.postMessage({ key: key.value } satisfies Message);
  if ("key" in data && key.value === null) keepKey(data.key);
  if ("forget" in data) dropKey();
});

export function keepKey(value: string): void {
  refusal.value = "";
  sessionStorage.setItem(STORED, value);
  key.value = value;
}

/** Forgets the key in this tab alone: it is not valid, or not enough. */
export function refuseKey(why: string): void {
  refusal.value = why;
  dropKey();
}

function dropKey(): void {
  sessionStorage.removeItem(STORED);
  key.value = null;
}

/** Forgets the key in every tab. */
export function forgetKey(): void {
  dropKey();
  tabs.postMessage({ forget: true } satisfies Message);
}

/**
 * Takes `#key=…` out of the address, so that neither history nor a copied link holds it, and gives it up for another: a
 * link opens the page once. Anybody can make a link: a key that differs from the page's own is used only if the reader
 * confirms it.
 */
export async function takeKeyFromAddress(): Promise<void> {
  // A route has options of its own, an object's `key` among them.
  if (location.hash.startsWith("#/")) return;
  const options = new URLSearchParams(location.hash.slice(1));
  const given = options.get("key");
  if (given === null) return;
  const rest = options.get("to");
  history.replaceState(null, "", location.pathname + location.search + (rest?.startsWith("#/") ? rest : ""));
  followAddress();
  const held = key.value ?? sessionStorage.getItem(STORED);
  if (given && (held === null || held === given || confirm(REPLACES))) keepKey(await exchanged(given));
}

/** The key that a link's key is given up for; the same where it is none that can be, or not valid. */
async function exchanged(given: string): Promise<string> {
  const response = await fetch("/v1/keys/exchange", {
    method: "POST",
    headers: { authorization: `Bearer ${given}`, "content-type": "application/json" },
    body: "{}",
  }).catch(() => undefined);
  if (response?.status !== 201) return given;
  return ((await response.json()) as { key: string }).key;
}

/** Finds the key of this tab, or asks the other tabs for theirs. */
export async function openSession(): Promise<void> {
  await takeKeyFromAddress();
  const stored = sessionStorage.getItem(STORED);
  if (key.value === null && stored !== null) key.value = stored;
  if (key.value !== null) return;
  tabs.postMessage({ asks: true } satisfies Message);
  await new Promise<void>((done) => {
    const stop = key.subscribe((value) => value !== null && done());
    setTimeout(() => {
      stop();
      done();
    }, HANDOVER_MS);
  });
}
