// The page's client of the API: the key of this tab, its reads, and refusals as problems of RFC 9457. The types are
// those that the router's own routes are checked against (src/http/read/answers.ts).

/** @template {import("zod").ZodType} T @typedef {import("zod").infer<T>} Infer */
/** @typedef {typeof import("../../src/http/read/answers.ts")} Answers */
/** @typedef {Infer<Answers["pipelineSchema"]>} Pipeline */
/** @typedef {Infer<Answers["eventAnswerSchema"]>} Event */
/** @typedef {Infer<Answers["runSchema"]>} Run */
/** @typedef {Infer<Answers["itemSchema"]>} Item */
/** @typedef {Infer<Answers["lineageSchema"]>} Lineage */
/** @typedef {Infer<Answers["deadLetterSchema"]>} DeadLetter */
/** @typedef {Infer<Answers["rejectionSchema"]>} Rejection */
/** @typedef {Infer<Answers["callerSchema"]>} Caller */
/** @typedef {Infer<typeof import("../../src/http/operate/answers.ts").replayAnswerSchema>} Replay */
/** @typedef {Infer<typeof import("../../src/http/read/version-answers.ts")["objectNowSchema"]>} ObjectNow */
/** @typedef {(object: { connection: string, bucket: string, key: string }) => Promise<ObjectNow>} Look */
/** @typedef {Partial<Infer<Answers["problemSchema"]>>} Problem */
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
export const look = ({ connection, bucket, key }) =>
  answer("/v1/objects", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ connection, bucket, key }),
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
