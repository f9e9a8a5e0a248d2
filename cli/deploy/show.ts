// A plan as a person reads it: what is done in which order, what is left alone, what is missing, what is left
// over. Pure text; deploy.ts says where it goes.
import type { Plan, PlanHeader, Step } from "./plan.ts";

const WORDS: Record<Step["kind"], string> = {
  queue: "queue",
  bucket: "R2 bucket",
  database: "D1 database",
  migrations: "migrations of",
  worker: "Worker",
  rule: "notifications",
};

/** `create queue weir-events`, `deploy Worker weir`. */
export function stepText({ kind, action, name }: Step): string {
  if (kind === "migrations") return `apply migrations to ${name}`;
  if (kind === "worker") return `${action === "create" ? "deploy" : "replace"} Worker ${name}`;
  return `${action === "create" ? "create" : "add to"} ${WORDS[kind]} ${name}`;
}

/** The whole plan. */
export function planText(plan: Plan, { account, url, commit }: PlanHeader): string {
  const width = Math.max(0, ...plan.steps.map((step) => stepText(step).length));
  const steps = plan.steps.map((step) => `${stepText(step).padEnd(width)}  ${step.why}`);
  const sections: [string, string[]][] = [
    [plan.steps.length === 0 ? "Nothing to do." : "To do, in this order:", steps],
    ["Left as they are:", plan.unchanged.map(({ name, why }) => `${name}  (${why})`)],
    [
      "Missing secrets (nothing is deployed without them):",
      plan.missing.map(({ name, workers }) => `${name}  for ${workers.join(", ")}`),
    ],
    [
      "Weir's, and no longer asked for; never removed for you:",
      plan.left.flatMap(({ kind, name, cost, remove }) => [`${kind} ${name}: ${cost}`, `  ${remove}`]),
    ],
    ["Mind:", plan.notices],
  ];
  const head = `Account ${account}, router at ${url}, commit ${commit || "none (not in git)"}`;
  return [
    head,
    ...sections
      .filter(([title, lines]) => lines.length > 0 || title === "Nothing to do.")
      .map(([title, lines]) => [`\n${title}`, ...lines.map((line) => `  ${line}`)].join("\n")),
  ].join("\n");
}
