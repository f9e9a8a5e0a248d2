// Putting files into a connected bucket, and following them from there to their items.
import { useState } from "preact/hooks";
import type { Connection, Uploaded, WeirClient } from "../../src/client/client.ts";
import { bytes, plural } from "../data/format.ts";
import { InputFault } from "../data/input-fault.ts";
import { useAnswer } from "../data/queries.ts";
import { go, linkTo } from "../data/route.ts";
import { Answered } from "../parts/answered.tsx";
import { ObjectName } from "../parts/basics.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Form, textIn } from "../parts/form.tsx";
import { say } from "../parts/toasts.tsx";

interface UploadProps {
  /** What was dropped onto the page; none where the dialog was opened by its button. */
  files: readonly File[];
  onClose: () => void;
}

export default function Upload({ files, onClose }: UploadProps) {
  const connections = useAnswer(["connections"], (api, signal) => api.listConnections({ signal }), {
    topics: [],
  });
  return (
    <Dialog title="Upload" onClose={onClose}>
      <Answered of={connections}>
        {({ data }) => <UploadForm {...{ files, onClose }} places={data.flatMap(placesOf)} />}
      </Answered>
    </Dialog>
  );
}

interface Place {
  connection: string;
  bucket: string;
  readers: readonly string[];
}

const placesOf = ({ id, kind, buckets, read_by }: Connection): Place[] =>
  kind === "d1" ? [] : buckets.map((bucket) => ({ connection: id, bucket, readers: read_by }));

function UploadForm({ files, onClose, places }: UploadProps & { places: readonly Place[] }) {
  // What pipelines read from comes first: a file elsewhere runs nothing.
  const sorted = places.toSorted((a, b) => b.readers.length - a.readers.length);
  const [at, setAt] = useState(0);
  const [chosen, choose] = useState(files);
  const [uploaded, setUploaded] = useState<readonly Uploaded[]>([]);
  const readers = sorted[at]?.readers ?? [];
  if (uploaded.length > 0) return <Followed uploaded={uploaded} onClose={onClose} />;
  return (
    <Form
      submit={chosen.length > 1 ? `Upload ${plural(chosen.length, "file")}` : "Upload"}
      isReady={chosen.length > 0 && sorted.length > 0}
      onClose={onClose}
      run={(api, values) => uploadAll(api, chosen, sorted[at], values)}
      onDone={(done) => {
        const [only] = done;
        if (!only || done.length > 1) return setUploaded(done);
        onClose();
        say(`${only.key} is in its bucket.${heardText(only)}`);
        go(linkTo("find", undefined, { q: only.key }));
      }}
    >
      <label>
        Files
        <input
          type="file"
          multiple
          onChange={({ currentTarget }) => choose([...(currentTarget.files ?? [])])}
        />
      </label>
      {chosen.length > 0 && (
        <ul class="plain tall">
          {chosen.map(({ name, size }) => (
            <li key={name}>
              {name} <span class="quiet">{bytes(size)}</span>
            </li>
          ))}
        </ul>
      )}
      <label>
        Into
        <select value={String(at)} onChange={({ currentTarget: { value } }) => setAt(Number(value))}>
          {sorted.map(({ connection, bucket }, index) => (
            <option key={`${connection} ${bucket}`} value={String(index)}>
              {bucket} ({connection})
            </option>
          ))}
        </select>
        <span class="hint">
          {readers.length > 0 ? `Read by ${readers.join(", ")}.` : "No pipeline reads from there."}
        </span>
      </label>
      <label>
        Key prefix
        <input name="prefix" placeholder="uploads/" autocomplete="off" />
      </label>
      <label>
        Metadata, a line each
        <textarea name="metadata" class="code" rows={2} placeholder="camera=north" spellcheck={false} />
      </label>
    </Form>
  );
}

async function uploadAll(
  api: WeirClient,
  files: readonly File[],
  place: Place | undefined,
  values: FormData,
): Promise<Uploaded[]> {
  if (!place) return [];
  const metadata = metadataIn(textIn(values, "metadata") ?? "");
  const prefix = textIn(values, "prefix") ?? "";
  const done: Uploaded[] = [];
  for (const file of files) {
    const headers = { ...metadata, "content-type": file.type || "application/octet-stream" };
    done.push(
      await api.uploadObject(place.connection, place.bucket, `${prefix}${file.name}`, file, { headers }),
    );
  }
  return done;
}

/** Headers of lines `name=value`. @throws InputFault for a line that is none */
function metadataIn(text: string): Record<string, string> {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return Object.fromEntries(
    lines.map((line, index) => {
      const [, name, value] = /^\s*([\w-]+)\s*=\s*([\x20-\x7e]*?)\s*$/.exec(line) ?? [];
      if (name === undefined || value === undefined)
        throw new InputFault(
          `Line ${index + 1} of the metadata: expected name=value, the name of letters, digits and -, both in ASCII.`,
        );
      return [`x-amz-meta-${name}`, value];
    }),
  );
}

const heardText = ({ reported_by }: Uploaded): string =>
  reported_by.length === 0 ? " No connection hears of this bucket, so nothing runs by itself." : "";

const Followed = ({ uploaded, onClose }: { uploaded: readonly Uploaded[]; onClose: () => void }) => (
  <>
    <p>
      {plural(uploaded.length, "file")} uploaded. Each leads to what becomes of it.
      {uploaded[0] && heardText(uploaded[0])}
    </p>
    <ul class="plain tall">
      {uploaded.map(({ bucket, key }) => (
        <li key={key}>
          <a href={linkTo("find", undefined, { q: key })} onClick={onClose}>
            <ObjectName bucket={bucket} key_={key} />
          </a>
        </li>
      ))}
    </ul>
    <p class="buttons">
      <button type="button" onClick={onClose}>
        Done
      </button>
    </p>
  </>
);
