// Steps that follow each other, or lie within one another, as bars over their common time.
import type { RunStep } from "../../src/client/client.ts";
import { bytes, duration } from "../data/format.ts";

/** Steps before the event reached Weir: how long they took is by another's clock, and may be days. */
const BEFORE_WEIR = "happened";
/** Times are kept to the millisecond. */
const CLOCK_MS = 1;

export function Waterfall({ steps }: { steps: readonly RunStep[] }) {
  const ours = steps.filter(({ name }) => name !== BEFORE_WEIR);
  const begin = Math.min(...ours.map(({ at }) => Date.parse(at)));
  const end = Math.max(...ours.map(({ at, seconds }) => Date.parse(at) + seconds * 1000));
  const whole = Math.max(1, end - begin);
  if (ours.length === 0) return null;
  return (
    <section class="scroll" tabIndex={0} aria-label="Where the time went">
      <table class="waterfall">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">Took</th>
            <th scope="col">{duration(whole)} in all</th>
          </tr>
        </thead>
        <tbody>
          {steps.map((step, index) => (
            <StepRow
              key={`${index} ${step.name}`}
              step={step}
              depth={depthOf(step, steps.slice(0, index))}
              begin={begin}
              whole={whole}
            />
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Number of earlier steps that a step lies within. */
function depthOf({ at, seconds }: RunStep, earlier: readonly RunStep[]): number {
  const [from, to] = [Date.parse(at), Date.parse(at) + seconds * 1000];
  const holds = (outer: RunStep) =>
    outer.seconds > 0 &&
    Date.parse(outer.at) <= from &&
    to <= Date.parse(outer.at) + outer.seconds * 1000 + CLOCK_MS;
  return earlier.filter(({ name }) => name !== BEFORE_WEIR).filter(holds).length;
}

interface StepRowProps {
  step: RunStep;
  depth: number;
  begin: number;
  whole: number;
}

function StepRow({ step, depth, begin, whole }: StepRowProps) {
  const from = Math.max(0, (100 * (Date.parse(step.at) - begin)) / whole);
  const size = Math.min(100 - from, (100_000 * step.seconds) / whole);
  const facts = [
    step.bytes !== undefined && bytes(step.bytes),
    step.cached !== undefined && step.cached > 0 && `${step.cached} known before`,
    step.detail,
  ].filter(Boolean);
  return (
    <tr>
      <th scope="row" style={{ paddingInlineStart: `${0.75 + depth}rem` }}>
        {step.name} <span class="quiet">{facts.join(", ")}</span>
      </th>
      <td>{step.seconds > 0 && duration(step.seconds * 1000)}</td>
      <td class="lane">
        {step.name !== BEFORE_WEIR && (
          <span style={{ marginLeft: `${from}%`, width: `${size}%` }} title={step.at} />
        )}
      </td>
    </tr>
  );
}
