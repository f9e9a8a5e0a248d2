// The conditions of a filter as they were judged: expected, found, and the verdict of each.
import type { Clauses as ClauseList } from "../../src/client/client.ts";
import { preview } from "../data/format.ts";

const WORDS = { true: "met", false: "not met", unknown: "unknown" } as const;

export const Clauses = ({ clauses }: { clauses: ClauseList }) => (
  <div class="scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">Condition</th>
          <th scope="col">Expected</th>
          <th scope="col">Found</th>
          <th scope="col">Verdict</th>
        </tr>
      </thead>
      <tbody>
        {clauses.map((clause) => (
          <tr key={`${clause.branch} ${clause.path}`} data-verdict={String(clause.verdict)}>
            <th scope="row">
              <code>{clause.path}</code>
            </th>
            <td>
              <code>{preview(clause.expected)}</code>
            </td>
            <td>{clause.source === "absent" ? "absent" : <code>{preview(clause.actual)}</code>}</td>
            <td>
              <span class="chip" data-status={clause.verdict === true ? "matched" : "refused"}>
                {WORDS[String(clause.verdict) as keyof typeof WORDS]}
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);
