// A step of a deploy: one wrangler command with what it is for. The steps that make resources are here; plan.ts decides
// which are needed and adds those of Workers.
import type { AccountState } from "./present.ts";
import type { LifecycleRule, ProjectDatabase } from "./resources.ts";

export interface Step {
  kind: "queue" | "bucket" | "database" | "migrations" | "image" | "worker" | "rule" | "lifecycle";
  action: "create" | "change";
  name: string;
  why: string;
  /** Arguments for wrangler. */
  args: string[];
  /** Names of the secrets that are set by the step. */
  secrets: string[];
  /** Calls to the API that wrangler makes for it, at most. */
  calls: number;
}

/** Seconds for which a queue keeps its messages: the most there is. The default of queues is four days. */
const KEPT_SECONDS = 14 * 86_400;

export const createQueue = (name: string): Step => ({
  ...{ kind: "queue", action: "create", name, why: "not there yet", secrets: [], calls: 3 },
  args: ["queues", "create", name, "--message-retention-period-secs", String(KEPT_SECONDS)],
});

export const createBucket = (name: string): Step => ({
  ...{ kind: "bucket", action: "create", name, why: "not there yet", secrets: [], calls: 3 },
  args: ["r2", "bucket", "create", name],
});

export const createDatabase = ({ name }: ProjectDatabase): Step => ({
  ...{ kind: "database", action: "create", name, why: "not there yet", secrets: [], calls: 3 },
  args: ["d1", "create", name],
});

/** Migrations that a database lacks, in one step. */
export function migrate({ name, config, migrations }: ProjectDatabase, present: AccountState): Step[] {
  const pending = migrations.filter((file) => !present.databases.get(name)?.applied.includes(file));
  if (pending.length === 0) return [];
  const args = ["d1", "migrations", "apply", name, "--remote", "-c", config];
  return [
    {
      ...{ kind: "migrations", action: "change", name, why: pending.join(", "), args, secrets: [] },
      calls: 6 + pending.length,
    },
  ];
}

/** Actions of R2 notifications, by the event types that wrangler takes. */
const EVENTS = {
  "object-create": ["PutObject", "CopyObject", "CompleteMultipartUpload"],
  "object-delete": ["DeleteObject", "LifecycleDeletion"],
};

/** Steps for notifications of a bucket. R2 refuses overlapping rules, so only actions without a rule get one. */
export function ruleSteps(
  { bucket, queue }: { bucket: string; queue: string },
  present: AccountState,
): Step[] {
  const rules = (present.buckets.get(bucket) ?? []).filter((rule) => rule.whole && rule.queue === queue);
  const covered = new Set(rules.flatMap(({ actions }) => actions));
  const types = Object.entries(EVENTS).flatMap(([type, actions]) =>
    actions.every((action) => covered.has(action)) ? [] : [type],
  );
  if (types.length === 0) return [];
  return [
    {
      kind: "rule",
      action: rules.length === 0 ? "create" : "change",
      name: `${bucket} → ${queue}`,
      why: `to get ${types.join(" and ")} events`,
      args: ["r2", "bucket", "notification", "create", bucket, "--event-types", ...types, "--queue", queue],
      secrets: [],
      calls: 4,
    },
  ];
}

/** The rule by which R2 deletes what is old, where the bucket has none for the prefix. */
export function lifecycleSteps(
  { bucket, prefix, days }: LifecycleRule,
  { lifecycles }: AccountState,
): Step[] {
  if (lifecycles.get(bucket)?.includes(prefix)) return [];
  return [
    {
      ...{ kind: "lifecycle", action: "create", name: `${bucket}/${prefix}`, secrets: [], calls: 4 },
      why: `R2 deletes them after ${days} days`,
      args: [
        ...["r2", "bucket", "lifecycle", "add", bucket, `weir-${prefix.replace("/", "")}`, prefix],
        ...["--expire-days", String(days), "--force"],
      ],
    },
  ];
}
