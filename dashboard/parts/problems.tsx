// What keeps a handler or a config from running, where it broke: the last good version runs meanwhile. Local work alone.
import type { SourceProblem } from "../../src/client/client.ts";

export const Problems = ({ of = [] }: { of: readonly SourceProblem[] | undefined }) => (
  <>
    {of.map(({ file, line, column, problem, next }) => (
      <div key={`${file} ${line} ${problem}`} class="failure" role="alert">
        <p>
          <strong>{`${file}:${line}:${column}`}</strong> {problem}
        </p>
        <p class="quiet">The last good version runs meanwhile. {next}</p>
      </div>
    ))}
  </>
);
