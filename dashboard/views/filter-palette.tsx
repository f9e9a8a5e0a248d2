// Names and operators of filters, to be put in where the cursor stands. The language is docs/filters.md.

const NAMES = [
  "bucket",
  "key",
  "name",
  "extension",
  "type",
  "operation",
  "sender",
  "size",
  "content_type",
  "time",
  "metadata",
  "tags",
  "payload",
];

const OPERATORS: Record<string, string> = {
  prefix: '{ "prefix": "uploads/" }',
  suffix: '{ "suffix": ".mp4" }',
  glob: '{ "glob": "**/*.{jpg,png}" }',
  wildcard: '{ "wildcard": "*.jpg" }',
  "equals-ignore-case": '{ "equals-ignore-case": "yes" }',
  "anything-but": '{ "anything-but": ["draft"] }',
  numeric: '{ "numeric": [">=", 1000000] }',
  exists: '{ "exists": true }',
  not: '{ "not": { "prefix": "tmp/" } }',
};

export const FilterPalette = ({ onInsert }: { onInsert: (snippet: string) => void }) => (
  <details>
    <summary>Names and operators</summary>
    <p class="counts">
      {NAMES.map((name) => (
        <button key={name} type="button" class="bare" onClick={() => onInsert(`"${name}": `)}>
          {name}
        </button>
      ))}
    </p>
    <p class="counts">
      {Object.entries(OPERATORS).map(([name, snippet]) => (
        <button key={name} type="button" class="bare" title={snippet} onClick={() => onInsert(snippet)}>
          {name}
        </button>
      ))}
    </p>
  </details>
);
