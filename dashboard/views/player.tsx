// The hit that is open: the film or the sound from the second that matches, with the strip of its items to scrub through,
// or the picture.
import type { RefObject } from "preact";
import { useRef, useState } from "preact/hooks";
import type { SearchHit } from "../../src/client/client.ts";
import { position } from "../data/format.ts";
import { useAnswer } from "../data/queries.ts";
import { linkWith, type Route } from "../data/route.ts";
import { ObjectName } from "../parts/basics.tsx";
import { kindOf, ownAddress } from "../parts/media.tsx";

interface PlayerProps {
  collection: string;
  hit: SearchHit;
  route: Route;
}

/** Items of one film that the strip shows. */
const STRIP_ITEMS = 100;

export function Player({ collection, hit, route }: PlayerProps) {
  const media = useRef<HTMLVideoElement>(null);
  const { object, second, span, links } = hit;
  // The page's policy lets it show what its own router serves: of a bucket elsewhere, the clip.
  const whole = ownAddress(links.url, "/v1/objects/");
  const played = span === null && second === null ? undefined : (whole ?? ownAddress(links.clip));
  const seek = (to: number) => {
    if (!media.current) return;
    media.current.currentTime = to;
    void media.current.play();
  };
  return (
    <figure class="player">
      <a class="close" href={linkWith(route, { play: undefined })}>
        Close
      </a>
      <Shown hit={hit} address={played} media={media} />
      {whole !== undefined && span !== null && <FilmStrip collection={collection} hit={hit} onSeek={seek} />}
      <figcaption>
        <ObjectName bucket={object.bucket} key_={object.key} />
        <span>
          {span && `${position(span.start)}–${position(span.end)}`}{" "}
          <a href={linkWith(route, { collection, item: hit.item })}>Lineage</a>
        </span>
      </figcaption>
    </figure>
  );
}

interface ShownProps {
  hit: SearchHit;
  /** Where there is something to play. */
  address: string | undefined;
  media: RefObject<HTMLVideoElement>;
}

/** What plays, or stands still. */
function Shown({ hit: { object, links }, address, media }: ShownProps) {
  const playing = {
    ref: media,
    class: "media",
    src: address,
    controls: true,
    autoplay: true,
    preload: "auto",
  } as const;
  const isSound = kindOf(object.content_type, object.key) === "audio";
  if (address && isSound) return <audio {...playing} />;
  if (address) return <video {...playing} />;
  const still = ownAddress(links.url, "/v1/objects/") ?? ownAddress(links.thumbnail);
  if (!isSound) return <img class="media" src={still} alt={object.key} />;
  return (
    <a href={links.url ?? undefined} target="_blank" rel="noreferrer">
      Open the object
    </a>
  );
}

interface StripProps {
  collection: string;
  hit: SearchHit;
  onSeek: (second: number) => void;
}

/** Every item of the film at its span. Hovered, its frame is shown; clicked, the film goes there. */
function FilmStrip({ collection, hit, onSeek }: StripProps) {
  const { connection, bucket, key } = hit.object;
  const [hovered, hover] = useState<SearchHit>();
  const filter = { object: { connection: [connection], bucket: [bucket], key: [key] } };
  const items = useAnswer(
    ["strip", collection, connection, bucket, key],
    (api, signal) => api.searchCollection(collection, { filter, limit: STRIP_ITEMS }, { signal }),
    { topics: [] },
  );
  const spans = items.data?.hits.filter(({ span }) => span !== null) ?? [];
  const end = Math.max(0, ...spans.map(({ span }) => span?.end ?? 0));
  if (end === 0) return null;
  const percent = (seconds: number) => `${((100 * seconds) / end).toFixed(3)}%`;
  const frame = hovered && ownAddress(hovered.links.thumbnail);
  return (
    <div class="strip film">
      <div class="track">
        {spans.map((each) => {
          const { start, end: until } = each.span ?? { start: 0, end: 0 };
          return (
            <button
              key={each.item}
              type="button"
              aria-label={`Play ${position(start)}–${position(until)}`}
              aria-current={each.item === hit.item ? "true" : undefined}
              style={{ left: percent(start), width: percent(until - start) }}
              onClick={() => onSeek(start)}
              onPointerEnter={() => hover(each)}
              onFocus={() => hover(each)}
              onPointerLeave={() => hover(undefined)}
              onBlur={() => hover(undefined)}
            />
          );
        })}
      </div>
      {frame && (
        <img class="frame-of" src={frame} alt="" style={{ left: percent(hovered?.span?.start ?? 0) }} />
      )}
    </div>
  );
}
