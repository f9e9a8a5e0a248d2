// What a collection answers: hits as a grid of pictures or a table, the player of the hit that is open, and what could not
// be compared.
import type { SearchAnswer, SearchHit } from "../../src/client/client.ts";
import { sentenceOf } from "../data/client.ts";
import { withCondition } from "../data/conditions.ts";
import { plural, position, preview, scoreText } from "../data/format.ts";
import { useList } from "../data/queries.ts";
import { linkWith, type Route } from "../data/route.ts";
import { Empty, ObjectName } from "../parts/basics.tsx";
import { ownAddress } from "../parts/media.tsx";
import { FieldNames } from "./columns.tsx";
import { HitTable } from "./hit-table.tsx";
import { ItemTable } from "./item-table.tsx";
import { picture } from "./picture.ts";
import { Player } from "./player.tsx";
import { questionOf } from "./question.ts";

interface FoundProps {
  collection: string;
  route: Route;
}

const isQuestion = ({ query: { q, like, filter } }: Route): boolean =>
  q !== undefined || like !== undefined || filter !== undefined;

/** Whether hits have ranks: of a filter alone they have none, and can be put in any order. */
const isRanked = ({ query: { q, like } }: Route): boolean =>
  q !== undefined || like !== undefined || picture.value !== null;

export function Found(props: FoundProps) {
  const { route } = props;
  return route.query.show === "table" && !isRanked(route) ? <ItemTable {...props} /> : <Hits {...props} />;
}

function Hits({ collection, route }: FoundProps) {
  const body = questionOf(route);
  const answer = useList<SearchHit>(
    ["search", collection, JSON.stringify(body)],
    async (api, cursor, signal) => {
      const page = await api.searchCollection(collection, { ...body, ...(cursor && { cursor }) }, { signal });
      return { ...page, data: page.hits };
    },
    // A film that plays keeps its address: another signature of it would begin it anew.
    { topics: route.query.play === undefined ? ["items"] : [] },
  );
  if (answer.isPending) return <div class="awaited" role="progressbar" aria-label="On its way" />;
  if (answer.error && answer.rows.length === 0)
    return (
      <>
        <Empty>{sentenceOf(answer.error)}</Empty>
        {/* A collection without an index is listed all the same. */}
        {!isQuestion(route) && <ItemTable collection={collection} route={route} />}
      </>
    );
  const first = answer.data?.pages[0] as unknown as SearchAnswer | undefined;
  const played = answer.rows.find(({ item }) => item === route.query.play);
  return (
    <>
      <FieldNames rows={answer.rows.map(({ data }) => data)} />
      {first && <Summary answer={first} count={answer.rows.length} isQuestion={isQuestion(route)} />}
      {played && <Player collection={collection} hit={played} route={route} key={played.item} />}
      {route.query.show === "table" ? (
        <HitTable hits={answer.rows} collection={collection} route={route} />
      ) : (
        <ul class="hits">
          {answer.rows.map((hit) => (
            <Hit key={hit.item} hit={hit} collection={collection} route={route} />
          ))}
        </ul>
      )}
      {answer.hasNextPage && (
        <p>
          <button type="button" onClick={() => void answer.fetchNextPage()}>
            More
          </button>
        </p>
      )}
    </>
  );
}

interface SummaryProps {
  answer: SearchAnswer;
  count: number;
  isQuestion: boolean;
}

function Summary({ answer: { left_out, notes, index }, count, isQuestion: hasQuestion }: SummaryProps) {
  const nothing = hasQuestion ? "Nothing is found" : "This collection holds no items";
  const counted = hasQuestion ? plural(count, "hit") : plural(index.items, "item");
  return (
    <p class="quiet" role="status">
      {count === 0 ? nothing : counted}
      {left_out.items > 0 && `, ${plural(left_out.items, "item")} could not be compared`}
      {index.building && ", the index is being built anew"}.
      {left_out.spaces.map(({ why, path, definition }) => (
        <span key={`${path} ${definition}`} class="why">
          {asSentence(why)}
        </span>
      ))}
      {notes.map((sentence) => (
        <span key={sentence} class="why">
          {asSentence(sentence)}
        </span>
      ))}
    </p>
  );
}

const asSentence = (text: string): string => (text.endsWith(".") ? text : `${text}.`);

interface HitProps {
  hit: SearchHit;
  collection: string;
  route: Route;
}

function Hit({ hit, collection, route }: HitProps) {
  const { item, object, second, span, score, data, highlights, links, vector, text } = hit;
  const title = second === null ? object.key : `${object.key} at ${position(second)}`;
  const picture = ownAddress(links.thumbnail);
  const isScored = vector !== undefined || text !== undefined;
  const at = second ?? span?.start ?? null;
  return (
    <li aria-current={item === route.query.play ? "true" : undefined}>
      <a class="shot" data-row href={linkWith(route, { play: item })} aria-label={`Show ${title}`}>
        {picture ? <img src={picture} alt="" loading="lazy" /> : <span class="quiet">no picture</span>}
        {at !== null && <span class="second">{position(at)}</span>}
      </a>
      <p class="name">
        <ObjectName bucket={object.bucket} key_={object.key} />
        {isScored && (
          <span class="quiet" title={legsText(hit)}>
            {" "}
            {scoreText(score)}
          </span>
        )}
      </p>
      <p class={highlights.length > 0 ? "words" : "words quiet"}>
        {highlights.length > 0
          ? highlights.map((piece) => <Marked key={`${piece.path} ${piece.text}`} {...piece} />)
          : preview(present(data), 80)}
      </p>
      <p class="more">
        <a href={linkWith(route, { like: item, q: undefined, play: undefined })}>More like this</a>
        <a
          href={linkWith(route, {
            play: undefined,
            filter: withCondition(route.query.filter, "object.key", [object.key]),
          })}
        >
          Only this object
        </a>
        <a href={linkWith(route, { collection, item })}>Lineage</a>
      </p>
    </li>
  );
}

/** Score and rank of each leg in words. */
function legsText({ vector, text }: SearchHit): string {
  const legs = [
    vector && `by vector ${vector.score.toFixed(3)}, rank ${vector.rank}`,
    text && `by words ${scoreText(text.score)}, rank ${text.rank}`,
  ];
  return legs.filter(Boolean).join("; ");
}

/** Data without what is null, as vectors are in a hit. */
const present = (data: SearchHit["data"]) =>
  Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null));

/** A piece of text with its words marked. */
function Marked({ text, marks }: SearchHit["highlights"][number]) {
  const ends = marks.map(([, end]) => end);
  return (
    <>
      {marks.map(([start, end], index) => [
        text.slice(ends[index - 1] ?? 0, start),
        <mark key={start}>{text.slice(start, end)}</mark>,
      ])}
      {text.slice(ends.at(-1) ?? 0)}{" "}
    </>
  );
}
