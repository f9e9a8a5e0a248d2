// Facts of Cloudflare's published API that the stand-in's answers are held to: names and types of the fields of each
// answer that a deploy reads, as the types of Cloudflare's official TypeScript client (generated from the API's document)
// had them in November 2026. `?`: may be absent. A field that is not here is one that the stand-in would have imagined.
// Where wrangler reads what is not published, it says so.

export type Shape = "string" | "number" | "boolean" | "any" | { [field: string]: Shape } | readonly [Shape];

const consumer = {
  "consumer_id?": "string",
  "created_on?": "string",
  "dead_letter_queue?": "string",
  "queue_name?": "string",
  "script_name?": "string",
  "settings?": "any",
  "type?": "string",
  // Not published: wrangler tells its own consumers by it.
  "script?": "string",
} as const;

const queue = {
  "consumers?": [consumer],
  "consumers_total_count?": "number",
  "created_on?": "string",
  "modified_on?": "string",
  "producers?": ["any"],
  "producers_total_count?": "number",
  "queue_id?": "string",
  "queue_name?": "string",
  "settings?": {
    "delivery_delay?": "number",
    "delivery_paused?": "boolean",
    "message_retention_period?": "number",
  },
} as const;

const configuration = {
  "image?": "string",
  "authorized_keys?": ["any"],
  "command?": ["string"],
  "entrypoint?": ["string"],
  "environment_variables?": ["any"],
  "instance_type?": "string",
  "observability?": "any",
  // Not published for these applications: wrangler sends them.
  "wrangler_ssh?": "any",
  "trusted_user_ca_keys?": "any",
} as const;

const application = {
  id: "string",
  account_id: "string",
  configuration,
  created_at: "string",
  instances: "number",
  name: "string",
  scheduling_policy: "string",
  updated_at: "string",
  version: "number",
  "active_rollout_id?": "string",
  "constraints?": "any",
  "durable_objects?": { namespace_id: "string" },
  "health?": { errors: ["any"], instances: { active: "number", assigned: "number" }, "summary?": "string" },
  "max_instances?": "number",
  "observability?": "any",
  "rollout_active_grace_period?": "number",
} as const;

const deployment = {
  id: "string",
  created_on: "string",
  source: "string",
  strategy: "string",
  versions: [{ percentage: "number", version_id: "string" }],
  "annotations?": "any",
  "author_email?": "string",
} as const;

const rule = {
  actions: ["string"],
  "createdAt?": "string",
  "description?": "string",
  "prefix?": "string",
  "ruleId?": "string",
  "suffix?": "string",
} as const;

interface Published {
  call: RegExp;
  result: Shape;
  /** How its list is divided: `counted` by page and per_page with total_count, `whole` not at all. */
  pages?: "counted" | "whole";
}

/** Answers by their calls, `METHOD path` below the account. */
export const PUBLISHED: readonly Published[] = [
  { call: /^GET queues$/, result: [queue], pages: "counted" },
  { call: /^GET queues\/[^/]+$/, result: queue },
  { call: /^GET queues\/[^/]+\/consumers$/, result: [consumer] },
  {
    call: /^GET d1\/database$/,
    result: [
      {
        "created_at?": "string",
        "jurisdiction?": "string",
        "name?": "string",
        "uuid?": "string",
        "version?": "string",
      },
    ],
    pages: "counted",
  },
  {
    call: /^GET r2\/buckets\/[^/]+$/,
    result: {
      "creation_date?": "string",
      "jurisdiction?": "string",
      "location?": "string",
      "name?": "string",
      "storage_class?": "string",
    },
  },
  {
    call: /^GET r2\/buckets\/[^/]+\/lifecycle$/,
    result: {
      "rules?": [
        {
          id: "string",
          enabled: "boolean",
          conditions: { prefix: "string" },
          "deleteObjectsTransition?": {
            "condition?": { "maxAge?": "number", "date?": "string", type: "string" },
          },
          "abortMultipartUploadsTransition?": "any",
          "storageClassTransitions?": ["any"],
        },
      ],
    },
  },
  {
    call: /^GET event_notifications\/r2\/[^/]+\/configuration$/,
    result: {
      "bucketName?": "string",
      "queues?": [{ "queueId?": "string", "queueName?": "string", "rules?": [rule] }],
    },
  },
  {
    call: /^GET workers\/scripts$/,
    result: [
      {
        "id?": "string",
        "created_on?": "string",
        "etag?": "string",
        "modified_on?": "string",
        "tags?": ["string"],
      },
    ],
    pages: "whole",
  },
  { call: /^GET workers\/scripts\/[^/]+\/deployments$/, result: { deployments: [deployment] } },
  {
    call: /^GET workers\/scripts\/[^/]+\/versions\/[^/]+$/,
    result: {
      resources: { "bindings?": ["any"], "script?": "any", "script_runtime?": "any" },
      "id?": "string",
      "metadata?": "any",
      "number?": "number",
    },
  },
  {
    call: /^GET workers\/scripts\/[^/]+\/schedules$/,
    result: { schedules: [{ cron: "string", "created_on?": "string", "modified_on?": "string" }] },
  },
  { call: /^GET workers\/scripts\/[^/]+\/secrets$/, result: [{ name: "string", type: "string" }] },
  { call: /^GET workers\/subdomain$/, result: { subdomain: "string" } },
  { call: /^GET containers\/applications$/, result: [application] },
  { call: /^(POST|PATCH) containers\/applications(\/[^/]+)?$/, result: application },
  {
    call: /^(GET|POST) containers\/applications\/[^/]+\/rollouts(\/[^/]+)?$/,
    result: {
      id: "string",
      created_at: "string",
      current_configuration: configuration,
      current_version: "number",
      description: "string",
      health: "any",
      kind: "string",
      last_updated_at: "string",
      status: "string",
      strategy: "string",
      target_configuration: configuration,
      target_version: "number",
      "percentage?": "number",
      "progress?": "any",
      "started_at?": "string",
      "steps?": ["any"],
    },
  },
  {
    call: /^POST containers\/registries\/[^/]+\/credentials$/,
    result: { account_id: "string", password: "string", registry_host: "string", username: "string" },
  },
];

/** In what a value differs from its shape: a line for each place. */
export function differences(value: unknown, shape: Shape, at = "result"): string[] {
  if (shape === "any") return [];
  if (typeof shape === "string")
    return typeof value === shape ? [] : [`${at} is ${JSON.stringify(value)}, not a ${shape}`];
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return [`${at} is no list`];
    return value.flatMap((entry, index) => differences(entry, shape[0], `${at}[${index}]`));
  }
  if (typeof value !== "object" || value === null) return [`${at} is no object`];
  const fields = new Map(Object.entries(shape).map(([name, inner]) => [name.replace("?", ""), inner]));
  const missing = Object.keys(shape).filter(
    (name) => !name.endsWith("?") && Reflect.get(value, name) === undefined,
  );
  return [
    ...missing.map((name) => `${at}.${name} is missing`),
    ...Object.entries(value).flatMap(([name, inner]) => {
      const known = fields.get(name);
      if (known === undefined) return [`${at}.${name} is not published`];
      return inner === undefined ? [] : differences(inner, known, `${at}.${name}`);
    }),
  ];
}
