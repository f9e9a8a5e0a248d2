// The shapes that the stand-in's two halves share: a call, a refusal, a Worker's script and its versions.

export interface Call {
  method: string;
  /** Below the account. */
  path: string;
  query: URLSearchParams;
  body: unknown;
  /** In short, for tests: `PUT workers/scripts/weir`. */
  what: string;
  changed: boolean;
}

/** An answer that is a refusal. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: number;
  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface Binding {
  type: string;
  name: string;
  text?: string;
  [field: string]: unknown;
}
export interface Version {
  id: string;
  bindings: Binding[];
  secrets: Map<string, string>;
}
export interface Script {
  versions: Version[];
  /** The version that serves. */
  active: Version;
  crons: string[];
}

/** What a version is bound to: of a secret, the name only. */
export const bindingsOf = ({ bindings, secrets }: Version): Binding[] => [
  ...bindings,
  ...[...secrets.keys()].map((name) => ({ type: "secret_text", name })),
];

/** A version as the deployment that serves it. */
export const deploymentOf = ({ id }: Version) => ({
  id,
  source: "wrangler",
  strategy: "percentage",
  author_email: "person@example.com",
  created_on: "2026-11-23T00:00:00Z",
  versions: [{ version_id: id, percentage: 100 }],
});
