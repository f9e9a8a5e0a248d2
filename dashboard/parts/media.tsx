// The object beside its item: a film from the item's start, or a picture. It is loaded by a click; nothing is read of an
// object that nobody opens.
import { useState } from "preact/hooks";
import type { ObjectNow } from "../../src/client/client.ts";
import { api, sentenceOf } from "../data/client.ts";
import { Empty } from "./basics.tsx";

interface MediaProps {
  object: { connection: string; bucket: string; key: string };
  span: { start: number; end: number } | null;
}

const BY_NAME: readonly [Kind, RegExp][] = [
  ["video", /\.(mp4|m4v|mov|webm|mkv|ts|avi)$/i],
  ["audio", /\.(mp3|m4a|wav|ogg|oga|opus|flac|aac)$/i],
  ["picture", /\.(jpe?g|png|gif|webp|avif|svg|bmp|tiff?)$/i],
];

type Kind = "video" | "audio" | "picture";

export function Media({ object, span }: MediaProps) {
  const [opened, open] = useState<ObjectNow>();
  const [why, setWhy] = useState("");
  if (object.key === "") return null;
  if (why !== "") return <Empty>{why}</Empty>;
  if (!opened) {
    const load = () => {
      api()
        .lookAtObject({ connection: object.connection, bucket: object.bucket, key: object.key })
        .then((now) => (now.seen ? open(now) : setWhy("The object is not there any more.")))
        .catch((error: unknown) => setWhy(sentenceOf(error)));
    };
    return (
      <p>
        <button type="button" onClick={load}>
          {span ? "Play from here" : "Show the object"}
        </button>
      </p>
    );
  }
  return <Opened opened={opened} object={object} span={span} />;
}

function Opened({ opened, object, span }: MediaProps & { opened: ObjectNow }) {
  const own = ownAddress(opened.url, "/v1/objects/");
  const kind = kindOf(opened.seen?.content_type ?? null, object.key);
  // The page's policy lets it show what its own router serves; a bucket elsewhere is a link.
  if (own === undefined || kind === undefined)
    return opened.url === null ? null : (
      <p>
        <a href={own ?? opened.url} target="_blank" rel="noreferrer">
          Open the object
        </a>
      </p>
    );
  if (kind === "picture") return <img class="media" src={own} alt={object.key} />;
  const source = own + (span ? `#t=${span.start},${span.end}` : "");
  if (kind === "audio")
    // biome-ignore lint/a11y/useMediaCaption: other people's recordings come without captions
    return <audio class="media" src={source} controls preload="metadata" />;
  // biome-ignore lint/a11y/useMediaCaption: other people's films come without captions
  return <video class="media" src={source} controls preload="metadata" />;
}

/** What shows an object: by its content type, else by the ending of its key. */
export function kindOf(type: string | null, key: string): Kind | undefined {
  const [kind] = (type ?? "").split("/");
  if (kind === "video" || kind === "audio") return kind;
  if (kind === "image") return "picture";
  return BY_NAME.find(([, name]) => name.test(key))?.[0];
}

/** The address of what the page's own router serves below a path, on whatever name it is reached by. */
export function ownAddress(url: string | null, below = "/v1/moments/"): string | undefined {
  const address = url === null ? null : URL.parse(url);
  if (!address?.pathname.startsWith(below)) return undefined;
  return address.pathname + address.search + address.hash;
}
