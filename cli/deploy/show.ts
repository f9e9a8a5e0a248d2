// Text of a plan for a person: the steps in their order, unchanged Workers, missing secrets, leftovers. Pure; deploy.ts
// prints it.
import type { Plan, PlanHeader } from "./plan.ts";
import type { Step } from "./step.ts";

const WORDS: Record<Step["kind"], string> = {
  queue: "queue",
  bucket: "R2 bucket",
  database: "D1 database",
  migrations: "migrations of",
  image: "image",
  worker: "Worker",
  rule: "notifications",
  lifecycle: "expiry of",
};

/** Text of a step: `create queue weir-events`, `deploy Worker weir`. */
export function stepText({ kind, action, name }: Step): string {
  if (kind === "migrations") return `apply migrations to ${name}`;
  if (kind === "image") return `${name.includes("/") ? "push" : "build"} image ${name}`;
  if (kind === "worker") return `${action === "create" ? "deploy" : "replace"} Worker ${name}`;
  return `${action === "create" ? "create" : "add to"} ${WORDS[kind]} ${name}`;
}

/** Text of the whole plan. */
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
      "Left over in the account; remove them yourself:",
      plan.left.flatMap(({ kind, name, cost, remove }) => [`${kind} ${name}: ${cost}`, `  ${remove}`]),
    ],
    ["Note:", plan.notices],
  ];
  const head = `Account ${account}, router at ${url}, commit ${commit || "none (not in git)"}`;
  return [
    head,
    ...sections
      .filter(([title, lines]) => lines.length > 0 || title === "Nothing to do.")
      .map(([title, lines]) => [`\n${title}`, ...lines.map((line) => `  ${line}`)].join("\n")),
  ].join("\n");
}
