// A call of the API as something to paste: curl, TypeScript or Python. The key is left for the reader to fill in.
import { copyText } from "./basics.tsx";

interface CopyAsProps {
  call: { method: "GET" | "POST"; path: string; body?: unknown };
  /** The call of the typed client, `await weir.…`. */
  code: string;
}

export function CopyAs({ call, code }: CopyAsProps) {
  const { origin } = location;
  const forms = {
    curl: () => curl(origin, call),
    TypeScript: () => typeScript(origin, code),
    Python: () => python(origin, call),
  };
  return (
    <details class="menu-button">
      <summary>Copy as</summary>
      <div class="menu">
        {Object.entries(forms).map(([name, text]) => (
          <button key={name} type="button" onClick={() => copyText(text(), name)}>
            {name}
          </button>
        ))}
      </div>
    </details>
  );
}

/** A word of a POSIX shell, whatever it holds. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

function curl(origin: string, { method, path, body }: CopyAsProps["call"]): string {
  const sends =
    body === undefined ? "" : ` -H 'content-type: application/json' -d ${quoted(JSON.stringify(body))}`;
  return `curl -s -X ${method} -H "authorization: Bearer $WEIR_API_KEY"${sends} ${quoted(origin + path)}`;
}

const typeScript = (origin: string, code: string): string =>
  [
    'import { WeirClient } from "weir/client";',
    "",
    `const weir = new WeirClient({ url: ${JSON.stringify(origin)}, key: process.env.WEIR_API_KEY ?? "" });`,
    `const answer = ${code};`,
  ].join("\n");

function python(origin: string, { method, path, body }: CopyAsProps["call"]): string {
  const data =
    body === undefined
      ? ""
      : `, data=json.dumps(json.loads(${JSON.stringify(JSON.stringify(body))})).encode()`;
  return [
    "import json, os, urllib.request",
    "",
    `request = urllib.request.Request(${JSON.stringify(origin + path)}, method=${JSON.stringify(method)}${data})`,
    'request.add_header("authorization", f"Bearer {os.environ[\'WEIR_API_KEY\']}")',
    ...(body === undefined ? [] : ['request.add_header("content-type", "application/json")']),
    "with urllib.request.urlopen(request) as response:",
    "    answer = json.load(response)",
  ].join("\n");
}
