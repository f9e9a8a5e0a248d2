// The box that asks a collection: words, conditions as chips, a picture to compare with, and how the answer is shown.
import { useEffect, useRef } from "preact/hooks";
import { conditionFrom, conditionsIn, conditionText, filterIn, withCondition } from "../data/conditions.ts";
import { go, linkWith, type Route } from "../data/route.ts";
import { CopyAs } from "../parts/copy-as.tsx";
import { say } from "../parts/toasts.tsx";
import { picture } from "./picture.ts";
import { questionOf } from "./question.ts";

interface SearchBoxProps {
  collection: string;
  route: Route;
}

/** What a new question takes away of the one before. */
const ANEW = { cursor: undefined, play: undefined, like: undefined };

export function SearchBox({ collection, route }: SearchBoxProps) {
  const { q, filter } = route.query;
  const words = useRef<HTMLInputElement>(null);
  const condition = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (words.current) words.current.value = q ?? "";
  }, [q]);
  const ask = (event: Event) => {
    event.preventDefault();
    const typed = condition.current?.value.trim() ?? "";
    const given = typed === "" ? undefined : conditionFrom(typed);
    if (typed !== "" && given === undefined) {
      say(`"${typed}" is no condition. Write a name and a value: data.speaker=anna, span.start>=10.`, "bad");
      return;
    }
    if (condition.current) condition.current.value = "";
    const changed = given ? withCondition(filter, given.name, given.condition) : filter;
    picture.value = null;
    go(linkWith(route, { ...ANEW, q: words.current?.value.trim(), filter: changed }));
  };
  return (
    <form class="search" role="search" aria-label={`Search ${collection}`} onSubmit={ask}>
      <label for="words" class="quiet">
        Search
      </label>
      <input
        id="words"
        ref={words}
        type="search"
        defaultValue={q ?? ""}
        placeholder="words, as you would say them"
        autocomplete="off"
      />
      <input
        ref={condition}
        aria-label="Add a filter"
        placeholder="filter: data.speaker=anna"
        autocomplete="off"
        list="fields"
      />
      <button type="submit">Search</button>
      <Chips collection={collection} route={route} />
    </form>
  );
}

function Chips({ collection, route }: SearchBoxProps) {
  const { like, filter, show } = route.query;
  const body = questionOf(route);
  const call = { method: "POST" as const, path: `/v1/collections/${collection}/search`, body };
  return (
    <div class="chips">
      {like !== undefined && <Chip text="like an item" without={linkWith(route, { ...ANEW })} />}
      {picture.value && (
        <button type="button" class="chip" onClick={() => (picture.value = null)}>
          like {picture.value.name} ×
        </button>
      )}
      {conditionsIn(filterIn(filter)).map(([name, condition]) => (
        <Chip
          key={name}
          text={`${name} ${conditionText(condition)}`}
          without={linkWith(route, { ...ANEW, filter: withCondition(filter, name) })}
        />
      ))}
      <span class="apart">
        <label class="button">
          By picture
          <input
            type="file"
            accept="image/*"
            class="unseen"
            onChange={(event) => void takePicture(event, route)}
          />
        </label>
        <a href={linkWith(route, { show: show === "table" ? undefined : "table" })}>
          {show === "table" ? "As pictures" : "As a table"}
        </a>
        <CopyAs
          call={call}
          code={`await weir.searchCollection(${JSON.stringify(collection)}, ${JSON.stringify(body)})`}
        />
      </span>
    </div>
  );
}

async function takePicture(event: Event, route: Route): Promise<void> {
  const input = event.currentTarget as HTMLInputElement;
  const file = input.files?.[0];
  input.value = "";
  if (!file) return;
  picture.value = { name: file.name, data: btoa(binaryOf(await file.arrayBuffer())) };
  go(linkWith(route, { ...ANEW, q: undefined }));
}

const binaryOf = (buffer: ArrayBuffer): string =>
  Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");

const Chip = ({ text, without }: { text: string; without: string }) => (
  <a class="chip" href={without} aria-label={`Take away ${text}`}>
    {text} <span aria-hidden="true">×</span>
  </a>
);
