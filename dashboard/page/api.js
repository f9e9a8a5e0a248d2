// The page's client of the API: the key of this tab, its reads, and refusals as problems of RFC 9457. The types are
// those of the typed client (src/client).

/** @typedef {import("../../src/client/client.ts").Pipeline} Pipeline */
/** @typedef {import("../../src/client/client.ts").Event} Event */
/** @typedef {import("../../src/client/client.ts").Run} Run */
/** @typedef {import("../../src/client/client.ts").Item} Item */
/** @typedef {import("../../src/client/client.ts").Lineage} Lineage */
/** @typedef {import("../../src/client/client.ts").DeadLetter} DeadLetter */
/** @typedef {import("../../src/client/client.ts").Rejection} Rejection */
/** @typedef {import("../../src/client/client.ts").Caller} Caller */
/** @typedef {import("../../src/client/client.ts").Replay} Replay */
/** @typedef {import("../../src/client/client.ts").ObjectNow} ObjectNow */
/** @typedef {import("../../src/client/client.ts").SearchAnswer} SearchAnswer */
/** @typedef {import("../../src/client/client.ts").SearchHit} SearchHit */
/** @typedef {(object: { connection: string, bucket: string, key: string }) => Promise<ObjectNow>} Look */
/** @typedef {Partial<import("../../src/client/client.ts").Problem>} Problem */
/** @template T @typedef {{ data: T[], next?: string | undefined }} Page */
/** @typedef {<T>(path: string, query?: Record<string, string | number | undefined>) => Promise<T>} Read */

const KEY = "weir-key";
const REPLACES = "This link brings another API key. Use it instead of the one that this page has?";
const ANSWER_TIMEOUT_MS = 15_000;

/** A refusal of the API. Status 401 asks for a key; 0 stands for no answer at all. */
export class ApiRefusal extends Error {
  /**
   * @param {number} status
   * @param {Problem} problem
   */
  constructor(status, problem) {
    const detail = (problem.detail ?? `HTTP ${status}`).replace(/\.$/, "");
    super(problem.next ? `${detail}. Next: ${problem.next}` : `${detail}.`);
    this.status = status;
  }
}

export const key = {
  read: () => sessionStorage.getItem(KEY),
  /** @param {string} value */
  keep: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
  /**
   * Takes `#key=…` out of the address, so that neither history nor a copied link holds it. Anybody can make a link:
   * a key that differs from the page's own is used only if the reader confirms it.
   */
  takeFromAddress() {
    const given = new URLSearchParams(location.hash.slice(1)).get("key");
    if (given === null) return false;
    history.replaceState(null, "", location.pathname + location.search);
    const held = key.read();
    if (given && (held === null || held === given || confirm(REPLACES))) key.keep(given);
    return true;
  },
};

/**
 * Makes a reader whose requests end with `signal`.
 * @param {AbortSignal} signal
 * @returns {Read}
 */
export const reader =
  (signal) =>
  async (path, query = {}) => {
    const parameters = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]],
    );
    return answer(parameters.length ? `${path}?${new URLSearchParams(parameters)}` : path, { signal });
  };

/**
 * Looks at an object as it is now, and fetches a signed URL of it.
 * @type {Look}
 */
export const look = ({ connection, bucket, key }) => question("/v1/objects", { connection, bucket, key });

/**
 * Puts a question that comes with a body; it changes nothing.
 * @param {string} path
 * @param {object} body
 */
export const question = (path, body) =>
  answer(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

/**
 * @param {string} url
 * @param {RequestInit} init
 */
async function answer(url, init) {
  const secret = key.read();
  const patience = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const response = await ask(url, {
    ...init,
    signal: init.signal ? AbortSignal.any([init.signal, patience]) : patience,
    headers: { ...init.headers, ...(secret && { authorization: `Bearer ${secret}` }) },
  });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiRefusal(response.status, body);
  return body;
}

/**
 * @param {string} url
 * @param {RequestInit} init
 */
const ask = (url, init) =>
  fetch(url, init).catch(() => {
    throw new ApiRefusal(0, {
      detail: "Weir does not answer.",
      next: "Is it running? The page goes on trying.",
    });
  });
