// WaterfallSteps that follow each other as bars over their common time.
import { duration } from "../data/format.ts";

export interface WaterfallStep {
  name: string;
  /** When it began, ISO. */
  at: string;
  seconds: number;
  /** What it moved or found, in words. */
  detail?: string;
  /** Of the same run, inside of another step. */
  inside?: boolean;
}

export function Waterfall({ steps }: { steps: readonly WaterfallStep[] }) {
  const begin = Math.min(...steps.map(({ at }) => Date.parse(at)));
  const end = Math.max(...steps.map(({ at, seconds }) => Date.parse(at) + seconds * 1000));
  const whole = Math.max(1, end - begin);
  if (steps.length === 0) return null;
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
          {steps.map((step, index) => {
            const from = (100 * (Date.parse(step.at) - begin)) / whole;
            const size = Math.min(100 - from, (100_000 * step.seconds) / whole);
            return (
              <tr key={index} data-inside={step.inside}>
                <th scope="row">
                  {step.name}
                  {step.detail && <span class="quiet"> {step.detail}</span>}
                </th>
                <td>{duration(step.seconds * 1000)}</td>
                <td class="lane">
                  <span style={{ marginLeft: `${from}%`, width: `${size}%` }} title={step.at} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
