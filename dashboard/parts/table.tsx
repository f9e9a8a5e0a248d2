// A table in a box that scrolls by itself where it is wider than the page.
import type { ComponentChildren } from "preact";

interface TableProps {
  label: string;
  heads: readonly string[];
  /** Its rows. */
  children: ComponentChildren;
}

export const Table = ({ label, heads, children }: TableProps) => (
  <section class="scroll" tabIndex={0} aria-label={label}>
    <table>
      <thead>
        <tr>
          {heads.map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  </section>
);
